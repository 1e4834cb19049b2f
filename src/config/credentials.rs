//! Secrets of the configuration: named by file or environment variable, never written into it.

use std::path::Path;

use secrecy::SecretString;

use super::fields::Fields;

/// Reads a variable of the environment.
pub(super) type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The secret behind `<name>_file` or `<name>_env`, trimmed; none where neither is given.
pub(super) fn secret(
    fields: &Fields<'_, '_>,
    file_key: &'static str,
    env_key: &'static str,
    folder: &Path,
    env: Env<'_>,
) -> Option<SecretString> {
    let (file, variable) = (fields.text(file_key), fields.text(env_key));
    if let (Some(_), Some(_)) = (&file, &variable) {
        fields.refuse(env_key, format!("stands beside `{file_key}`"), "give one of the two");
    }
    if let Some(file) = file {
        let path = folder.join(&file);
        return match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                fields.refuse(file_key, format!("{} is empty", path.display()), "");
                None
            }
            Ok(text) => Some(SecretString::from(text.trim().to_owned())),
            Err(error) => {
                fields.refuse(file_key, format!("{} cannot be read: {}", path.display(), error.kind()), "");
                None
            }
        };
    }
    let variable = variable?;
    let value = env(&variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    if value.is_none() {
        fields.refuse(env_key, format!("the environment variable {variable} is not set"), "set it, or name a file");
    }
    value.map(SecretString::from)
}
