//! The medians as a table, and the ratios that count.

use std::fmt::Write as _;

use super::world::World;
use super::{Contestant, LARGEST_FOR_KUBECTL, Who};

/// What a contestant is called.
fn name(who: Who) -> &'static str {
    match who {
        Who::RawList => "raw paged LIST",
        Who::Scan => "trueup scan",
        Who::FirstScan => "trueup scan, new files",
        Who::KubectlDiff => "kubectl diff --server-side",
    }
}

/// A table of each world, and how the worlds compare.
pub(crate) fn table(worlds: &[World], contestants: &[Contestant], rounds: usize) -> String {
    let mut text = format!("{rounds} rounds, all interleaved; medians, and the highest peak\n");
    let of =
        |world: &World, who: Who| contestants.iter().find(|one| one.namespace == world.namespace && one.who == who);
    for world in worlds {
        let list = of(world, Who::RawList).expect("every world is listed");
        let _ = write!(text, "\n{} declared objects", world.declared);
        if world.undeclared > 0 {
            let _ = write!(text, ", {} undeclared", world.undeclared);
        }
        let _ = writeln!(
            text,
            "\n{:28} {:>9} {:>9} {:>9} {:>12} {:>12}",
            "", "wall s", "CPU s", "peak MiB", "wall ÷ LIST", "diff ÷ wall"
        );
        for who in [Who::RawList, Who::Scan, Who::FirstScan, Who::KubectlDiff] {
            let Some(one) = of(world, who) else {
                let _ =
                    writeln!(text, "{:28} not run: beyond {LARGEST_FOR_KUBECTL} objects it takes minutes", name(who));
                continue;
            };
            let faster =
                of(world, Who::KubectlDiff).map_or("-".to_owned(), |diff| format!("{:.0}", diff.wall() / one.wall()));
            let (wall, cpu, peak) = (one.wall(), one.cpu(), one.peak_mib());
            let _ = writeln!(
                text,
                "{:28} {wall:9.3} {cpu:9.3} {peak:9.1} {:12.2} {faster:>12}",
                name(who),
                wall / list.wall()
            );
        }
    }
    text + &growth(worlds, &of)
}

/// Time for each object from one size to the next, and what undeclared objects cost.
fn growth<'c>(worlds: &[World], of: &dyn Fn(&World, Who) -> Option<&'c Contestant>) -> String {
    let mut text = "\n".to_owned();
    let scan = |world: &World| of(world, Who::Scan).expect("every world is scanned");
    let (quiet, crowded): (Vec<_>, Vec<_>) = worlds.iter().partition(|world| world.undeclared == 0);
    for pair in quiet.windows(2) {
        let (before, after) = (scan(pair[0]), scan(pair[1]));
        let size = pair[1].declared as f64 / pair[0].declared as f64;
        let _ = writeln!(
            text,
            "from {} to {} objects: time for each object × {:.2}, CPU for each × {:.2}",
            pair[0].declared,
            pair[1].declared,
            after.wall() / before.wall() / size,
            after.cpu() / before.cpu() / size,
        );
    }
    for (world, alone) in
        crowded.iter().filter_map(|world| Some((world, quiet.iter().find(|alone| alone.declared == world.declared)?)))
    {
        let more = scan(world).peak_mib() - scan(alone).peak_mib();
        let _ = writeln!(text, "{} undeclared objects beside {}: {more:+.1} MiB", world.undeclared, world.declared);
    }
    text
}
