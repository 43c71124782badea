//! Commits are found, brought into the cache, and found there again.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use git2::ObjectType;
use strata_provider_git::{Credentials, GitError, HttpsCredential, Settings, fetch};

use crate::server::{Behaviour, Server, commit, directory, file, paths_below};

fn code(result: Result<impl Sized, GitError>) -> Result<(), &'static str> {
    result.map(drop).map_err(|error| error.code().0)
}

#[test]
fn branches_tags_and_commits_are_found() {
    let server = Server::new();
    let repository = server.repository();
    let put = |branch: &str, text: &str| {
        let inner = [file(&repository, "a.strata.yaml", text)];
        commit(
            &repository,
            branch,
            &[directory(&repository, "clusters", &inner)],
        )
    };
    let (main, feature, tagged) = (put("main", "1"), put("feature/x", "2"), put("tmp", "3"));
    let object = repository
        .find_object(tagged, Some(ObjectType::Commit))
        .unwrap();
    let who = git2::Signature::new("A", "a@b", &git2::Time::new(0, 0)).unwrap();
    repository
        .tag("v1", &object, &who, "annotated", true)
        .unwrap();
    repository.tag_lightweight("light", &object, true).unwrap();
    repository
        .find_reference("refs/heads/tmp")
        .unwrap()
        .delete()
        .unwrap();
    // A branch that has a tag's name does not hide it.
    put("v1", "4");
    for (revision, expected, content) in [
        ("", main, "1"),
        ("?ref=main", main, "1"),
        ("?ref=feature/x", feature, "2"),
        ("?ref=refs/heads/feature/x", feature, "2"),
        ("?ref=v1", tagged, "3"),
        ("?ref=light", tagged, "3"),
        (&format!("?ref={feature}"), feature, "2"),
    ] {
        let fetched = server.fetch(&format!("//clusters{revision}")).unwrap();
        assert_eq!(fetched.commit, expected.to_string(), "{revision}");
        let files = fetched.tree.read("clusters").unwrap();
        assert_eq!(
            files,
            [("a.strata.yaml".to_owned(), content.as_bytes().to_vec())].into()
        );
        let whole = fetched.tree.read("").unwrap();
        assert!(whole.contains_key("clusters/a.strata.yaml"));
        let one = fetched.tree.read_file("clusters/a.strata.yaml").unwrap();
        assert_eq!(one.as_deref(), Some(content.as_bytes()));
        assert_eq!(fetched.tree.read_file("clusters").unwrap(), None);
        assert_eq!(fetched.tree.read_file("nothing/here").unwrap(), None);
        assert_eq!(code(fetched.tree.read("nothing")), Err("E0302"));
        assert_eq!(code(fetched.tree.read("../x")), Err("E0301"));
    }
    for missing in ["?ref=nope", "?ref=refs/heads/nope", "?ref=deadbeef"] {
        assert_eq!(code(server.fetch(missing)), Err("E0307"), "{missing}");
    }
    // Nothing was checked out: the cache has objects and nothing else of the repository.
    let stray = paths_below(server.cache.path())
        .into_iter()
        .find(|path| path.to_string_lossy().contains("strata.yaml"));
    assert_eq!(stray, None);
}

#[test]
fn a_pinned_commit_needs_no_server() {
    let mut server = Server::new();
    let repository = server.repository();
    let first = commit(&repository, "main", &[file(&repository, "a", "1")]);
    assert_eq!(server.fetch("").unwrap().commit, first.to_string());

    // The branch is moved to something that has nothing to do with it.
    let second = commit(&repository, "main", &[file(&repository, "a", "2")]);
    assert_eq!(
        server.fetch("?ref=main").unwrap().commit,
        second.to_string()
    );
    let asked = server.requests.load(Ordering::SeqCst);
    for (pinned, content) in [(first, "1"), (second, "2")] {
        let fetched = server.fetch(&format!("?ref={pinned}")).unwrap();
        assert_eq!(fetched.commit, pinned.to_string());
        let found = fetched.tree.read_file("a").unwrap();
        assert_eq!(found.as_deref(), Some(content.as_bytes()));
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), asked);
    server.stop();
    server.fetch(&format!("?ref={first}")).unwrap();
    assert_eq!(code(server.fetch("?ref=main")), Err("E0308"));
}

#[test]
fn a_commit_that_no_reference_names_is_up_to_the_server() {
    let server = Server::new();
    let repository = server.repository();
    let first = commit(&repository, "main", &[file(&repository, "a", "1")]);
    commit(&repository, "main", &[file(&repository, "a", "2")]);
    let revision = format!("?ref={first}");
    assert!(server.fetch(&revision).is_err());
    let mut config = repository.config().unwrap();
    config
        .set_bool("uploadpack.allowAnySHA1InWant", true)
        .unwrap();
    assert_eq!(server.fetch(&revision).unwrap().commit, first.to_string());
}

#[test]
fn hosts_are_reached_only_where_that_is_allowed() {
    let server = Server::new();
    let repository = server.repository();
    commit(&repository, "main", &[file(&repository, "a", "1")]);
    let strict = Settings::new(server.cache.path().to_owned());
    let mut go_on = |_| ControlFlow::Continue(());
    let result = fetch(&server.source(""), &strict, &mut go_on);
    assert_eq!(code(result), Err("E0305"));
    for text in [
        "https://127.0.0.1/x",
        "ssh://git@localhost/x",
        "git@169.254.169.254:x",
    ] {
        let result = fetch(&text.parse().unwrap(), &strict, &mut go_on);
        assert_eq!(code(result), Err("E0402"), "{text}");
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn redirects_to_other_places_are_refused() {
    let goal = Server::new();
    let repository = goal.repository();
    commit(&repository, "main", &[file(&repository, "a", "1")]);
    for place in [
        format!(
            "http://localhost:{}/x.git/info/refs?service=git-upload-pack",
            goal.address.port()
        ),
        "file:///etc/passwd".to_owned(),
        "ssh://git@localhost/x".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let server = Server::with(Behaviour::Redirect(place.clone()));
        assert_eq!(code(server.fetch("")), Err("E0305"), "{place}");
    }
    assert_eq!(goal.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn credentials_are_shown_to_their_own_host() {
    // "ada:hunter2" in base64.
    let server = Server::with(Behaviour::Guard("Basic YWRhOmh1bnRlcjI=".to_owned()));
    let repository = server.repository();
    commit(&repository, "main", &[file(&repository, "a", "1")]);
    let with = |host: &str, secret: &str| {
        let own = HttpsCredential {
            user: "ada".to_owned(),
            secret: secret.to_owned(),
        };
        let settings = Settings {
            credentials: Credentials {
                https: [(host.to_owned(), own)].into(),
                ..Credentials::default()
            },
            ..server.settings()
        };
        fetch(&server.source(""), &settings, &mut |_| {
            ControlFlow::Continue(())
        })
    };
    for (host, secret) in [("127.0.0.1", "wrong"), ("other.test", "hunter2")] {
        let error = with(host, secret).unwrap_err();
        assert!(matches!(error, GitError::Credentials { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    assert!(with("127.0.0.1", "hunter2").is_ok());
}

#[test]
fn a_fetch_can_be_interrupted() {
    let server = Server::new();
    let repository = server.repository();
    commit(&repository, "main", &[file(&repository, "a", "1")]);
    let result = fetch(&server.source(""), &server.settings(), &mut |_| {
        ControlFlow::Break(())
    });
    assert!(
        matches!(result, Err(GitError::Interrupted { .. })),
        "{result:?}"
    );
    // The cache is not the worse for it.
    server.fetch("").unwrap();
}
