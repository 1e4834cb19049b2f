//! stub
pub fn escape(t: &str) -> String {
    t.to_owned()
}
pub fn code(t: &str) -> String {
    t.to_owned()
}
pub fn code_block(t: &str, _l: &str) -> String {
    t.to_owned()
}
