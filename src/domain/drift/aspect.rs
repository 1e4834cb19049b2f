//! stub
pub fn aspect_of(
    _k: &crate::domain::resource::GroupKind,
    _p: &crate::domain::field_path::FieldPath,
) -> crate::domain::drift::Aspect {
    todo!()
}
