//! Reports: table, JSON, Markdown.
