//! stub
pub fn threshold_for(_r: &crate::domain::drift::scan::ScanRules, _p: &crate::domain::field_path::FieldPath) -> f64 {
    todo!()
}
