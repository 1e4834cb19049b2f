//! The words in which `generated.rs` is written. They are macros and not functions because only literals may borrow
//! from each other in a static.

macro_rules! st {
    ($name:literal, $atomic:literal, [$($field:expr),* $(,)?]) => {
        crate::domain::schema::Struct {
            name: std::borrow::Cow::Borrowed($name),
            fields: std::borrow::Cow::Borrowed(&[$($field),*]),
            atomic: $atomic,
            open: false,
        }
    };
}

macro_rules! f {
    ($name:literal, $shape:expr) => {
        crate::domain::schema::Field { name: std::borrow::Cow::Borrowed($name), shape: $shape, default: None }
    };
}

macro_rules! s {
    ($struct:ident) => {
        crate::domain::schema::Shape::Struct(crate::domain::schema::Link::Static(&$struct))
    };
}

macro_rules! map {
    ($value:expr) => {
        crate::domain::schema::Shape::Map(crate::domain::schema::Link::Static(&crate::domain::schema::Map {
            value: $value,
            atomic: false,
        }))
    };
}

macro_rules! atomic_map {
    ($value:expr) => {
        crate::domain::schema::Shape::Map(crate::domain::schema::Link::Static(&crate::domain::schema::Map {
            value: $value,
            atomic: true,
        }))
    };
}

macro_rules! list {
    ($item:expr) => {
        crate::domain::schema::Shape::List(crate::domain::schema::Link::Static(&crate::domain::schema::List {
            kind: crate::domain::schema::ListKind::Atomic,
            item: $item,
        }))
    };
}

macro_rules! set {
    ($item:expr) => {
        crate::domain::schema::Shape::List(crate::domain::schema::Link::Static(&crate::domain::schema::List {
            kind: crate::domain::schema::ListKind::Set,
            item: $item,
        }))
    };
}

macro_rules! keyed {
    ([$($key:expr),*], $item:expr) => {
        crate::domain::schema::Shape::List(crate::domain::schema::Link::Static(&crate::domain::schema::List {
            kind: crate::domain::schema::ListKind::Keyed(std::borrow::Cow::Borrowed(&[$($key),*])),
            item: $item,
        }))
    };
}

macro_rules! key {
    ($name:literal) => {
        crate::domain::schema::MergeKey { name: std::borrow::Cow::Borrowed($name), default: None }
    };
    ($name:literal, $default:literal) => {
        crate::domain::schema::MergeKey {
            name: std::borrow::Cow::Borrowed($name),
            default: Some(std::borrow::Cow::Borrowed($default)),
        }
    };
}

pub(super) use {atomic_map, f, key, keyed, list, map, s, set, st};
