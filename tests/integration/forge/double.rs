//! The double itself: it takes what GitHub takes and refuses what GitHub refuses, each refusal in GitHub's words.

use serde_json::{Value, json};

use super::{BRANCH, NAME, push, repository};
use crate::support::git::git;
use crate::support::github::GitHub;

/// One request as a client would send it, with nothing in between.
fn send(github: &GitHub, method: &str, path: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", github.api_url()))
        .header("user-agent", "a test")
        .header("x-github-api-version", "2022-11-28")
        .header("authorization", format!("Bearer {token}"))
        .body(body.map(Value::to_string).unwrap_or_default())
        .expect("request");
    let response = agent.run(request).expect("the double answers");
    let status = response.status().as_u16();
    let text = response.into_body().read_to_string().expect("text");
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// The description catches what a client could get wrong: 11 requests that GitHub would not understand as meant.
#[test]
fn wrong_requests_are_breaches() {
    let github = GitHub::start();
    repository(&github);
    let pulls = format!("/repos/{NAME}/pulls");
    let good = json!({ "title": "t", "head": BRANCH, "base": "main", "body": "b", "draft": false });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        Some(body)
    };
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("object").remove(name);
        Some(body)
    };
    let labels = format!("/repos/{NAME}/issues/1/labels");
    for (method, path, body) in [
        ("POST", pulls.clone(), without("head")),
        ("POST", pulls.clone(), with("drfat", json!(true))),
        ("POST", pulls.clone(), with("draft", json!("yes"))),
        ("POST", pulls.clone(), with("head_repo", json!("no-slash"))),
        ("POST", pulls.clone(), None),
        ("GET", format!("{pulls}?per_page=500"), None),
        ("GET", format!("{pulls}?stat=open"), None),
        ("GET", format!("{pulls}?state=opened"), None),
        ("GET", format!("{pulls}/one"), None),
        ("POST", labels.clone(), Some(json!({ "label": ["a"] }))),
        ("DELETE", labels, None),
    ] {
        let (status, _) = send(&github, method, &path, github.token(), body.as_ref());
        assert!([404, 422].contains(&status), "{method} {path} {body:?}: {status}");
        assert_eq!(github.take_breaches().len(), 1, "{method} {path} {body:?}");
    }
    let (status, reply) = send(&github, "POST", &pulls, github.token(), Some(&good));
    assert_eq!(status, 201, "{reply}");
    github.finish();
}

/// GraphQL is held against GitHub's schema: fields, input members and variables.
#[test]
fn wrong_graphql_is_a_breach() {
    let github = GitHub::start();
    repository(&github);
    let query =
        "mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id}) { pullRequest { number } } }";
    for (query, variables) in [
        (query.replace("pullRequestId:", "pullRequestID:"), json!({ "id": "PR_1000_1" })),
        (query.replace("number", "nummer"), json!({ "id": "PR_1000_1" })),
        (query.replace("enablePull", "enabledPull"), json!({ "id": "PR_1000_1" })),
        (query.to_owned(), json!({})),
        (query.to_owned(), json!({ "id": { "no": "text" } })),
    ] {
        let body = json!({ "query": query, "variables": variables });
        let (status, reply) = send(&github, "POST", "/graphql", github.token(), Some(&body));
        assert_eq!(status, 200, "GitHub tells errors of GraphQL with 200");
        assert!(reply["errors"].is_array(), "{reply}");
        assert_eq!(github.take_breaches().len(), 1, "{query} {variables}");
    }
    github.finish();
}

/// GitHub's refusals of a pull request, in its words: facts that the adapter relies on.
#[test]
fn pull_requests_are_refused_as_documented() {
    let github = GitHub::start();
    let repository = repository(&github);
    push(&repository, "second");
    let pulls = format!("/repos/{NAME}/pulls");
    let create = |head: &str, body: &str| {
        let asked = json!({ "title": "t", "head": head, "base": "main", "body": body });
        let (status, reply) = send(&github, "POST", &pulls, github.token(), Some(&asked));
        let error = &reply["errors"][0];
        let words = error["message"].as_str().map(str::to_owned);
        (status, words.unwrap_or_else(|| format!("{} {}", error["field"], error["code"]).replace('"', "")))
    };
    assert_eq!(create("absent", ""), (422, "head invalid".to_owned()));
    assert_eq!(create(&format!("mallory:{BRANCH}"), ""), (422, "head invalid".to_owned()));
    assert_eq!(create("main", ""), (422, "No commits between main and main".to_owned()));
    let long = "é".repeat(65_537);
    assert_eq!(create("second", &long), (422, "body is too long (maximum is 65536 characters)".to_owned()));
    assert_eq!(create("second", &long[2..]).0, 201, "characters are counted, not bytes");
    let again = format!("A pull request already exists for company:{}.", "second");
    assert_eq!(create("second", ""), (422, again.clone()));
    assert_eq!(create("company:second", ""), (422, again));
    github.finish();
}

/// A `head` filter without its owner is ignored, so that all come back; one with an owner means that owner's branch.
#[test]
fn the_head_filter_wants_an_owner() {
    let github = GitHub::start();
    let repository = repository(&github);
    push(&repository, "other");
    let fork = github.fork(&repository, "mallory");
    repository.open_by_person("alice", &repository, "other");
    repository.open_by_person("mallory", &fork, "other");
    let numbers = |filter: &str| {
        let path = format!("/repos/{NAME}/pulls?state=all{filter}");
        let (_, reply) = send(&github, "GET", &path, github.token(), None);
        reply.as_array().expect("list").iter().map(|pull| pull["number"].as_u64().expect("number")).collect::<Vec<_>>()
    };
    assert_eq!(numbers("&head=company:other"), [1]);
    assert_eq!(numbers("&head=mallory:other"), [2]);
    assert_eq!(numbers("&head=nothing-like-it"), [2, 1]);
    assert_eq!(numbers("&per_page=1&page=2"), [1]);
    github.finish();
}

/// Merging: a stale head, a conflict and a closed one are refused with their own statuses; a merge is a real commit.
#[test]
fn merging() {
    let github = GitHub::start();
    let repository = repository(&github);
    repository.push_file("second", "apps/web.yaml", "replicas: 7\n", crate::support::git::ALICE);
    for branch in [BRANCH, "second"] {
        repository.open_by_person("alice", &repository, branch);
    }
    let merge = |number: u64, body: Value| {
        let path = format!("/repos/{NAME}/pulls/{number}/merge");
        send(&github, "PUT", &path, github.token(), Some(&body)).0
    };
    assert_eq!(merge(1, json!({ "sha": "0".repeat(40) })), 409);
    let (_, shown) = send(&github, "GET", &format!("/repos/{NAME}/pulls/1"), github.token(), None);
    assert_eq!((&shown["mergeable"], &shown["commits"], &shown["changed_files"]), (&json!(true), &json!(1), &json!(1)));
    assert_eq!(merge(1, json!({ "sha": shown["head"]["sha"] })), 200);
    assert_eq!(repository.bare().file("main", "apps/web.yaml").as_deref(), Some("replicas: 5\n"));
    assert_eq!(merge(1, json!({})), 405, "merged already");
    assert_eq!(merge(2, json!({})), 405, "conflicts");
    let (_, shown) = send(&github, "GET", &format!("/repos/{NAME}/pulls/2"), github.token(), None);
    assert_eq!(shown["mergeable"], false);
    repository.delete_branch("second");
    assert!(!repository.pull_request(2).is_open(), "a pull request whose branch is gone is closed");
    github.finish();
}

/// Who may see and do what: unseen repositories are absent, missing permissions are named.
#[test]
fn access() {
    let github = GitHub::start();
    repository(&github);
    let path = format!("/repos/{NAME}");
    let get = |token: &str| send(&github, "GET", &path, token, None).0;
    assert_eq!(get(github.token()), 200);
    assert_eq!(get("ghp_wrong"), 401);
    assert_eq!(get(&github.issue_token("eve", &[("metadata", "read")], Some(&["company/other"]))), 404);
    let reader = github.issue_token("rita", &[("metadata", "read"), ("pull_requests", "read")], None);
    let body = json!({ "title": "t", "head": BRANCH, "base": "main" });
    let (status, reply) = send(&github, "POST", &format!("{path}/pulls"), &reader, Some(&body));
    assert_eq!((status, reply["message"].as_str()), (403, Some("Resource not accessible by personal access token")));
    github.finish();
}

/// A renamed repository is read through a redirect, and written under its new name only.
#[test]
fn renamed() {
    let github = GitHub::start();
    let repository = repository(&github);
    repository.rename("company/platform-config");
    let (status, reply) = send(&github, "GET", &format!("/repos/{NAME}/pulls?state=open"), github.token(), None);
    let url = format!("{}/repositories/1000/pulls?state=open", github.api_url());
    assert_eq!((status, reply["url"].as_str()), (301, Some(url.as_str())));
    let path = url.trim_start_matches(&github.api_url()).to_owned();
    assert_eq!(send(&github, "GET", &path, github.token(), None), (200, json!([])));
    let body = json!({ "title": "t", "head": BRANCH, "base": "main" });
    assert_eq!(send(&github, "POST", &format!("/repos/{NAME}/pulls"), github.token(), Some(&body)).0, 307);
    github.finish();
}

/// Tokens of an App: only for what it has signed itself, for ten minutes at most, with no more than it was granted.
#[test]
fn installation_tokens() {
    let github = GitHub::start();
    repository(&github);
    let identity = github.app(jiff::SignedDuration::from_hours(1), &[]);
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(identity.private_key.as_bytes()).expect("key");
    let now = jiff::Timestamp::now().as_second();
    let sign = |issuer: Value, lifetime: i64| {
        let claims = json!({ "iss": issuer, "iat": now - 60, "exp": now + lifetime });
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256), &claims, &key).expect("signed")
    };
    let ask = |installation: u64, token: &str, body: Value| {
        let path = format!("/app/installations/{installation}/access_tokens");
        send(&github, "POST", &path, token, Some(&body))
    };
    let good = sign(json!(identity.app), 500);
    assert_eq!(ask(identity.installation, &sign(json!(1), 500), json!({})).0, 401, "another App");
    assert_eq!(ask(identity.installation, &sign(json!(identity.app), 1200), json!({})).0, 401, "twenty minutes");
    assert_eq!(ask(identity.installation, github.token(), json!({})).0, 401, "no signed request");
    assert_eq!(ask(7, &good, json!({})).0, 404);
    assert_eq!(
        ask(identity.installation, &good, json!({ "permissions": { "contents": "write", "issues": "write" } })).0,
        422
    );
    let (status, reply) = ask(identity.installation, &good, json!({ "permissions": { "contents": "read" } }));
    assert_eq!((status, &reply["permissions"]), (201, &json!({ "contents": "read", "metadata": "read" })));
    let narrow = reply["token"].as_str().expect("token");
    let (status, reply) = send(&github, "GET", &format!("/repos/{NAME}/pulls"), narrow, None);
    assert_eq!((status, reply["message"].as_str()), (403, Some("Resource not accessible by integration")));
    github.finish();
}

/// Git's own client clones and pushes; a protected branch is refused, and so is whoever may not write.
#[test]
fn gits_own_client() {
    let github = GitHub::start();
    let repository = repository(&github);
    repository.protect();
    let folder = tempfile::tempdir().expect("folder");
    let run = |arguments: &[&str]| {
        let output = git().current_dir(&folder).args(arguments).output().expect("git");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let with = |token: &str| repository.git_url().replace("http://", &format!("http://x-access-token:{token}@"));
    assert!(run(&["clone", "--quiet", &with("ghp_wrong"), "wrong"]).1.contains("Authentication failed"));
    let (cloned, error) = run(&["clone", "--quiet", &with(github.token()), "clone"]);
    assert!(cloned, "{error}");
    assert!(run(&["-C", "clone", "commit", "--quiet", "--allow-empty", "-m", "x"]).0);
    let (pushed, error) = run(&["-C", "clone", "push", "origin", "HEAD:main"]);
    assert!(!pushed && error.contains("GH006: Protected branch update failed for refs/heads/main"), "{error}");
    assert!(run(&["-C", "clone", "push", "--quiet", "origin", "HEAD:feature"]).0);
    let reader = github.issue_token("rita", &[("contents", "read")], None);
    let (pushed, error) = run(&["-C", "clone", "push", &with(&reader), "HEAD:other"]);
    assert!(!pushed && error.contains("403"), "{error}");
    assert_eq!(repository.bare().branches(), [BRANCH, "feature", "main"]);
    github.finish();
}

/// A fault that nobody met and a breach that the client swallowed fail the test that they are in.
#[test]
fn what_is_left_fails_the_test() {
    let left_alone = |leave: fn(&GitHub)| {
        let failed = std::thread::spawn(move || {
            let github = GitHub::start();
            leave(&github);
            github.finish();
        });
        failed.join().is_err()
    };
    assert!(!left_alone(|_| {}));
    assert!(left_alone(|github| github.fail("pulls/create", crate::support::github::Fault::BadGatewayAfter)));
    assert!(left_alone(|github| drop(send(github, "GET", "/user", github.token(), None))));
}
