//! stub
#[derive(Debug, Clone, Default)]
pub struct Baselines {}
impl Baselines {
    pub fn effective(
        &self,
        _i: &crate::domain::resource::ResourceId,
        _l: &[(String, String)],
        _e: Option<&str>,
        _s: Option<&str>,
        _c: &str,
    ) -> Option<serde_json::Value> {
        None
    }
}
