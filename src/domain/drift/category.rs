//! stub
pub fn category_of(
    _a: crate::domain::drift::Aspect,
    _p: &crate::domain::field_path::FieldPath,
    _r: &[crate::domain::drift::scan::CategoryRule],
) -> crate::domain::drift::Category {
    todo!()
}
