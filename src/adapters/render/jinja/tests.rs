use super::*;
use crate::domain::problem::Level;
use crate::domain::source::{JinjaTemplates, Renderer};

fn render_files(files: &[(&str, &str)], settings: JinjaTemplates) -> Rendered {
    let overlay = files.iter().map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec()))).collect();
    let root = tempfile::tempdir().expect("folder");
    let tree = SourceTree { root: root.path().to_owned(), overlay, ..SourceTree::default() };
    let source = Source { renderer: Renderer::Jinja, jinja: Some(settings), ..Source::plain("s", "t") };
    render(&tree, &source, &MaskKey::for_this_run(b"k"), &|_| {})
}

/// What one template comes to with one values file, or its problems.
fn shown(values: &str, template: &str) -> String {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  k: {template}\n");
    let settings = JinjaTemplates { values: vec!["v.yaml".to_owned()], ..JinjaTemplates::default() };
    let files =
        [("v.yaml", values), ("t/a.yaml.j2", &*text), ("t/lib/m.j2", MACROS), ("t/self.j2", "{% include 'self.j2' %}")];
    let rendered = render_files(&files, settings);
    match rendered.manifests.first() {
        Some(manifest) => manifest.object()["data"]["k"].to_string(),
        None => rendered.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

const MACROS: &str = "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}";

/// Values, methods and filters mean what they mean in Python.
#[test]
fn templates_say_what_python_says() {
    let values = "a: 1.0\nb: yes\nn: ~\nl: [1, x]\nm: {z: 1, a: {b: c}}\ns: Hello World\nnum: '0644'\nbig: 18446744073709551615\n";
    for (template, expected) in [
        ("\"{{ a }} {{ b }} {{ n }} {{ big }}\"", "\"1.0 True None 18446744073709551615\""),
        ("\"{% for k, v in m.items() %}{{ k }},{% endfor %}\"", "\"z,a,\""),
        ("\"{{ m.get('q', 'd') }} {{ s.split()[1].lower() }} {{ m.keys() | list | length }}\"", "\"d world 2\""),
        ("{{ q | default('x') }}", "\"x\""),
        ("{{ m.q.r | default('x') }}", "jinja: undefined"),
        ("{{ m | to_json }}", "{\"a\":{\"b\":\"c\"},\"z\":1}"),
        ("\n    {{ m | to_yaml | indent(4) }}", "{\"a\":{\"b\":\"c\"},\"z\":1}"),
        ("{{ s | b64encode }}", "\"SGVsbG8gV29ybGQ=\""),
        ("{{ s | b64encode | b64decode | upper }}", "\"HELLO WORLD\""),
        ("{{ num | quote }}", "\"0644\""),
        ("{{ b | ternary('on!', 'off!') }}", "\"on!\""),
        ("{% import 'lib/m.j2' as m %}{{ m.twice('x') }}", "\"xx\""),
        ("{% raw %}'{{ x }}'{% endraw %}", "\"{{ x }}\""),
        ("{{ ('{a: 1}' | from_yaml).a + ('[2]' | from_json)[0] }}", "3"),
    ] {
        let got = shown(values, template);
        match expected {
            "jinja: undefined" => assert!(got.contains("`m.q` is undefined"), "{got}"),
            expected => assert_eq!(got, expected, "{template}"),
        }
    }
}

/// The platform's own functions never come to nothing, and stay within what it allows.
#[test]
fn built_in_functions() {
    let values = "environment: staging\n";
    for (template, expected) in [
        (
            "{{ resource_calculation('inference', 1000, 'production') | to_json }}",
            r#"{"cpu":"1","gpu":0,"memory":"2Gi"}"#,
        ),
        (
            "{{ resource_calculation('inference', 10, 'development') | to_json }}",
            r#"{"cpu":"100m","gpu":0,"memory":"128Mi"}"#,
        ),
        ("{{ resource_calculation('training', 100) | to_json }}", r#"{"cpu":"300m","gpu":1,"memory":"1229Mi"}"#),
        (
            "{{ resource_calculation('training', expected_load=9e9, environment='production') | to_json }}",
            r#"{"cpu":"32","gpu":8,"memory":"160Gi"}"#,
        ),
        (
            "{{ resource_calculation(workload_type='data_processing', expected_load=1000) | to_json }}",
            r#"{"cpu":"6","gpu":0,"memory":"24Gi"}"#,
        ),
        (
            "\"{{ security_level() }} {{ security_level('development') }} {{ security_level('dr') }}\"",
            r#""strict relaxed maximum""#,
        ),
        ("{{ compliance_requirements('development').required_labels | to_json }}", r#"["team","environment"]"#),
        ("{{ compliance_requirements().retention_days.max }}", "2555"),
    ] {
        assert_eq!(shown(values, template), expected, "{template}");
    }
    assert_eq!(shown("security_level: low\n", "{{ security_level }}"), "\"low\"");
}

/// Every error has the line of the template and a way out, and none says a value.
#[test]
fn errors_have_a_place_and_no_values() {
    let values = "password: hunter2\nlist: [hunter2]\n";
    for (template, expected) in [
        ("{{ oops }}", "t/a.yaml.j2:5: `oops` is undefined (define it in v.yaml, or write `| default(…)`)"),
        ("{{ oops | b64encode }}", "t/a.yaml.j2:5: "),
        ("{{ oops | to_yaml }}", "t/a.yaml.j2:5: "),
        ("{{ password.x.y }}", "t/a.yaml.j2:5: `password.x` is undefined"),
        ("{{ password + 1 }}", "t/a.yaml.j2:5: tried to use + operator on unsupported types string and number"),
        ("{{ [[oops]] | to_json }}", "t/a.yaml.j2:5: "),
        ("{{ password | int }}", "t/a.yaml.j2:5: "),
        ("{{ password | from_json }}", "t/a.yaml.j2:5: cannot read the text as JSON"),
        ("{{ password | nope }}", "t/a.yaml.j2:5: filter nope is unknown"),
        ("{{ password.nope() }}", "t/a.yaml.j2:5: "),
        ("{{ security_level }}", "t/a.yaml.j2:5: cannot print a function, call it"),
        ("{{ resource_calculation('x') }}", "t/a.yaml.j2:5: `expected_load` is not given"),
        ("{{ resource_calculation('x', password, 'y') }}", "t/a.yaml.j2:5: cannot calculate resources"),
        ("{% if %}", "t/a.yaml.j2:5: "),
        ("{{ debug() }}", "t/a.yaml.j2:5: debug is unknown"),
        ("{% include '../../etc/passwd' %}", "t/a.yaml.j2:5: cannot include the file: the path leaves"),
        ("{% include '/' ~ password %}", "t/a.yaml.j2:5: "),
        ("{% include password %}", "t/a.yaml.j2:5: the template that is included"),
        ("{{ password }}: [", "t/a.yaml.j2:5: "),
    ] {
        let got = shown(values, template);
        assert!(got.starts_with(expected), "{template}: {got}");
        assert!(!got.contains("hunter2"), "{template}: {got}");
    }
}

/// Loops, bombs and recursion end as one problem, soon.
#[test]
fn bombs_are_stopped() {
    let begin = std::time::Instant::now();
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    for (template, expected) in [
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "the template takes too long",
        ),
        ("{{ 'x' * 1000000000 }}", "the template takes too long"),
        (
            "{% set ns = namespace(x='xxxxxxxxxxxxxxxx') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            "the template takes too long",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion limit"),
        ("{% include 'self.j2' %}", "recursion limit"),
        ("{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", ""),
        ("{{ '%100000000d' | format(1) }}", ""),
        (&*deep, ""),
    ] {
        let got = shown("", template);
        assert!(got.contains(expected) && got.contains(".j2:"), "{template:.60}: {got}");
    }
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}

/// Files are merged in order, maps key by key; what is included stands where it is included.
#[test]
fn values_are_merged_and_included() {
    let files = [
        ("v/a.yaml", "m: {a: 1, b: {c: [1, 2]}}\nk: old\ninc: !include sub/i.yaml\n"),
        ("v/sub/i.yaml", "deep: !include ../leaf.yaml\nx: 1\n"),
        ("v/leaf.yaml", "'leaf'"),
        ("v/b.yaml", "m: {b: {c: [3]}}\nk: ~\ninc: {x: 2}\n"),
        ("v/empty.yaml", "# nothing\n"),
        (
            "t/a.json.j2",
            "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"x\"}, \"data\": {{ {'m': m, 'k': k, 'inc': inc} | to_json }}}",
        ),
        ("t/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"),
        ("t/_part.yaml.j2", "{{ nobody }}"),
        ("t/notes.txt.j2", "{{ nobody }}"),
    ];
    let values = ["v/a.yaml", "v/empty.yaml", "v/b.yaml"].map(str::to_owned).to_vec();
    let rendered = render_files(&files, JinjaTemplates { values, ..JinjaTemplates::default() });
    assert_eq!(rendered.problems, []);
    let names: Vec<_> = rendered.manifests.iter().map(|manifest| &*manifest.id.name).collect();
    assert_eq!(names, ["x", "plain"]);
    let data = rendered.manifests[0].object()["data"].to_string();
    assert_eq!(data, r#"{"inc":{"deep":"leaf","x":2},"k":null,"m":{"a":1,"b":{"c":[3]}}}"#);
    for file in ["v/a.yaml", "v/sub/i.yaml", "v/leaf.yaml", "t/new.yaml"] {
        assert!(rendered.reads(file), "{file}");
    }
    assert!(!rendered.reads("v/other.yaml"));
}

/// Values that cannot be read leave the whole source unknown, with one problem that names the place.
#[test]
fn broken_values_are_told() {
    let bomb: String = (0..9).map(|n| format!("f{n}: !include v.yaml\n")).collect();
    let wide: String = (0..1001).map(|n| format!("f{n}: !include leaf.yaml\n")).collect();
    for (values, expected) in [
        ("a: 1\nb: [1\n", "v.yaml:2: "),
        ("- a\n", "v.yaml:1: the values are no mapping"),
        ("a: 1\n---\nb: 1\n", "v.yaml:3: a values file has one document"),
        ("\na: !include v.yaml\n", "v.yaml:2: v.yaml includes itself"),
        (&*bomb, "v.yaml:1: v.yaml includes itself"),
        (&*wide, "v.yaml:1001: files are included more than"),
        ("a: !include ring.yaml\n", "v.yaml:1: ring.yaml:1: other.yaml:1: ring.yaml includes itself"),
        ("a: !include ../x.yaml\n", "v.yaml:1: the included file lies outside of the repository"),
        ("a: !include gone.yaml\n", "v.yaml:1: the included file gone.yaml is not in the repository"),
        ("a: !include broken.yaml\n", "v.yaml:1: broken.yaml:1: "),
    ] {
        let files = [
            ("v.yaml", values),
            ("leaf.yaml", "1"),
            ("ring.yaml", "a: !include other.yaml"),
            ("other.yaml", "a: !include ring.yaml"),
            ("broken.yaml", "a: [hunter2\nb"),
            ("t/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"),
        ];
        let settings = JinjaTemplates { values: vec!["v.yaml".to_owned()], ..JinjaTemplates::default() };
        let rendered = render_files(&files, settings);
        let told: Vec<_> = rendered.problems.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].starts_with(expected) && !told[0].contains("hunter2"), "{told:?}");
        assert!(rendered.incomplete && rendered.manifests.is_empty());
        assert!(rendered.reads("v.yaml"));
    }
    let missing = JinjaTemplates { values: vec!["gone.yaml".to_owned()], ..JinjaTemplates::default() };
    assert_eq!(render_files(&[("t/a.yaml", "")], missing).problems.len(), 1);
}

/// Objects and problems stand at the lines of the templates that wrote them, through loops, includes and inheritance.
#[test]
fn places_are_those_of_the_templates() {
    let files = [
        (
            "t/a.yaml.j2",
            "{# c\n #}\n{% for name in ['x', 'z'] %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name }}}\n{% endfor %}\n---\n{% include '_part.j2' %}\n",
        ),
        ("t/_part.j2", "# part\n\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: p\n  name: part\n"),
        ("t/b.yaml.j2", "{% extends 'base.j2' %}{% block name %}b{% endblock %}"),
        ("t/base.j2", "\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {% block name %}{% endblock %}}\n"),
        ("t/c.yaml.j2", "{% if true -%}\nkind: ConfigMap\n{%- endif %}\n"),
    ];
    let rendered = render_files(&files, JinjaTemplates::default());
    let places: Vec<_> = rendered
        .manifests
        .iter()
        .map(|manifest| (&*manifest.id.name, manifest.origin.as_ref().expect("origin")))
        .map(|(name, origin)| format!("{name} {}:{} #{}", origin.file, origin.line, origin.document))
        .collect();
    assert_eq!(places, ["x t/a.yaml.j2:5 #0", "z t/a.yaml.j2:5 #1", "part t/_part.j2:3 #2", "b t/base.j2:2 #0"]);
    let problems: Vec<_> = rendered.problems.iter().map(|problem| (problem.level, problem.to_string())).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].0 == Level::Error && problems[0].1.starts_with("t/c.yaml.j2:2: "), "{problems:?}");
    assert!(problems[1].0 == Level::Warning && problems[1].1.starts_with("t/_part.j2:7: `name` is written twice"));
}

/// A template that is broken hides only itself, and says that something is missing. Secrets are masked.
#[test]
fn a_broken_template_hides_only_itself() {
    let files = [
        ("t/a.yaml.j2", "kind: {{ nobody }}"),
        ("t/s.yaml.j2", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: {{ 'hunter2' }}}\n"),
    ];
    let rendered = render_files(&files, JinjaTemplates::default());
    assert!(rendered.incomplete && rendered.problems.len() == 1 && rendered.manifests.len() == 1);
    let help = rendered.problems[0].help.as_deref().unwrap_or_default();
    assert!(help.starts_with("name values files in the source's `jinja.values`"), "{help}");
    let secret = rendered.manifests[0].object().to_string();
    assert!(secret.contains("masked:") && !secret.contains("hunter2"), "{secret}");
}

/// `trim_blocks` and `lstrip_blocks` are as in jinja2.
#[test]
fn blanks_around_blocks() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  k: |\n    a\n    {% if true %}\n    b\n    {% endif %}\n    c\n";
    for (trim, expected) in [(false, "a\n\nb\n\nc"), (true, "a\nb\nc")] {
        let settings = JinjaTemplates { trim_blocks: trim, lstrip_blocks: trim, ..JinjaTemplates::default() };
        let rendered = render_files(&[("t/a.yaml.j2", template)], settings);
        assert_eq!(rendered.manifests[0].object()["data"]["k"].as_str().map(str::trim_end), Some(expected));
    }
}
