//! Where a path stands in a YAML text: spans of nodes, from parser events.
