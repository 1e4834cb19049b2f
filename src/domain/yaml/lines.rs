//! Lines of a text and what stands between them, by byte.

/// The next byte from `at` that is no blank, line end or comment.
pub(super) fn skip_blanks(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
            Some(b'#') => at = line_end(text, at),
            Some(0xEF) if text[at..].starts_with('\u{feff}') => at += '\u{feff}'.len_utf8(),
            _ => return at,
        }
    }
}

/// First byte of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let inside = text[at..].starts_with('\n') && text[..at].ends_with('\r');
    text[..at - usize::from(inside)].rfind(['\n', '\r']).map_or_else(|| origin(text).min(at), |newline| newline + 1)
}

/// The first byte after a byte-order mark.
pub(super) fn origin(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The end of the line that holds `at`, before its line end: `\n`, `\r\n` or, as old as YAML, `\r`.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length)
}

/// First byte of the line after the one that holds `at`; the length of the text if there is none.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let end = line_end(text, at);
    end + if text[end..].starts_with("\r\n") { 2 } else { usize::from(end < text.len()) }
}
