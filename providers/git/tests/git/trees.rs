//! Trees that were made to do harm are refused, and named in a way that does none.

use git2::Oid;
use strata_provider_git::{GitError, Limits, Settings, SourceTree, fetch};

use crate::server::{Entry, Server, blob, commit, directory, file, link};

fn fetched(server: &Server) -> SourceTree {
    server.fetch("").unwrap().tree
}

fn code(result: Result<impl Sized, GitError>) -> Result<(), &'static str> {
    result.map(drop).map_err(|error| error.code().0)
}

#[test]
fn hostile_names_are_refused() {
    let server = Server::new();
    let repository = server.repository();
    let names: [&[u8]; 18] = [
        b".git",
        b".GIT",
        b".git ",
        b"git~1",
        b"..",
        b".",
        b"a/b",
        b"a\\b",
        b"a\nb",
        b"a\rb",
        b"a\x1b[2J",
        b"\xff",
        "a\u{202e}b".as_bytes(),
        ".g\u{200c}it".as_bytes(),
        b"CON",
        b"aux.yaml",
        b"a.",
        b"a ",
    ];
    for name in names {
        let shown = String::from_utf8_lossy(name);
        let entry = || Entry {
            mode: "100644",
            name,
            id: blob(&repository, b"x"),
        };
        // At the root, further down, and as a directory.
        commit(&repository, "main", &[entry()]);
        let error = fetched(&server).read("").unwrap_err();
        assert_eq!(error.code().0, "E0303", "{shown:?}");
        let message = error.to_string();
        assert!(
            message
                .chars()
                .all(|c| c.is_ascii_graphic() || c == ' ' || c == '\u{fffd}'),
            "{message:?}"
        );
        commit(
            &repository,
            "main",
            &[directory(&repository, "d", &[entry()])],
        );
        let tree = fetched(&server);
        assert_eq!(code(tree.read("")), Err("E0303"), "{shown:?}");
        assert_eq!(code(tree.read("d")), Err("E0303"), "{shown:?}");
        let inner = directory(&repository, "d", &[file(&repository, "config", "x")]);
        commit(&repository, "main", &[Entry { name, ..inner }]);
        assert_eq!(code(fetched(&server).read("")), Err("E0303"), "{shown:?}");
    }
}

#[test]
fn names_that_collide_are_refused() {
    let server = Server::new();
    let repository = server.repository();
    for (one, other) in [("A.yaml", "a.yaml"), ("\u{c9}", "e\u{301}"), ("a", "a")] {
        let entries = [file(&repository, one, "1"), file(&repository, other, "2")];
        commit(&repository, "main", &entries);
        assert_eq!(
            code(fetched(&server).read("")),
            Err("E0303"),
            "{one} {other}"
        );
    }
    // In different directories they are different files.
    let entries = [
        directory(&repository, "d", &[file(&repository, "A", "1")]),
        directory(&repository, "e", &[file(&repository, "a", "1")]),
    ];
    commit(&repository, "main", &entries);
    assert_eq!(fetched(&server).read("").unwrap().len(), 2);
}

#[test]
fn links_are_followed_inside_only() {
    let server = Server::new();
    let repository = server.repository();
    let inner = [
        file(&repository, "f", "content"),
        link(&repository, "up", "../top"),
    ];
    let entries = [
        directory(&repository, "d", &inner),
        link(&repository, "l1", "d/f"),
        link(&repository, "l2", "./d/../l1"),
        link(&repository, "ld", "d"),
        link(&repository, "through", "ld/up"),
        file(&repository, "top", "top"),
    ];
    commit(&repository, "main", &entries);
    let tree = fetched(&server);
    let files = tree.read("").unwrap();
    let listed: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    let expected: [(&str, &[u8]); 8] = [
        ("d/f", b"content"),
        ("d/up", b"top"),
        ("l1", b"content"),
        ("l2", b"content"),
        ("ld/f", b"content"),
        ("ld/up", b"top"),
        ("through", b"top"),
        ("top", b"top"),
    ];
    assert_eq!(listed, expected);
    assert_eq!(tree.read("ld").unwrap().len(), 2);
    assert_eq!(
        tree.read_file("ld/f").unwrap().as_deref(),
        Some(b"content".as_slice())
    );

    for target in [
        "../x",
        "/etc/passwd",
        "d/../../x",
        "nothing",
        "l",
        "",
        "C:\\x",
        "..\\x",
        "d/../../../../etc",
        "dir",
    ] {
        let loops = directory(&repository, "dir", &[link(&repository, "again", "../dir")]);
        commit(
            &repository,
            "main",
            &[loops, link(&repository, "l", target)],
        );
        let tree = fetched(&server);
        assert_eq!(code(tree.read("")), Err("E0302"), "{target}");
        if target != "dir" {
            assert_eq!(
                code(tree.read_file("l")).err().unwrap_or("E0302"),
                "E0302",
                "{target}"
            );
        }
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let server = Server::new();
    let repository = server.repository();
    let submodule = Entry {
        mode: "160000",
        name: b"module",
        id: Oid::from_str(&"1".repeat(40)).unwrap(),
    };
    let modules = file(
        &repository,
        ".gitmodules",
        "[submodule \"module\"]\n\tpath = module\n\turl = ext::sh -c 'touch /tmp/pwned'\n",
    );
    commit(&repository, "main", &[modules, submodule]);
    assert_eq!(code(fetched(&server).read("")), Err("E0302"));

    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    commit(&repository, "main", &[file(&repository, "big", pointer)]);
    assert_eq!(code(fetched(&server).read("")), Err("E0302"));

    for mode in ["010644", "060000", "140000", "100000"] {
        let entry = Entry {
            mode,
            ..file(&repository, "odd", "x")
        };
        commit(&repository, "main", &[entry]);
        assert_eq!(code(fetched(&server).read("")), Err("E0302"), "{mode}");
    }
}

#[test]
fn hooks_and_attributes_of_a_repository_have_no_effect() {
    let server = Server::new();
    let repository = server.repository();
    let entries = [
        file(
            &repository,
            ".gitattributes",
            "* filter=evil text eol=crlf ident\n",
        ),
        file(&repository, "a", "$Id$\nline\n"),
    ];
    commit(&repository, "main", &entries);
    let found = fetched(&server).read_file("a").unwrap();
    assert_eq!(found.as_deref(), Some(b"$Id$\nline\n".as_slice()));
}

#[test]
fn limits_are_kept_before_anything_is_unpacked() {
    let server = Server::new();
    let repository = server.repository();
    let large = "x".repeat(10_000);
    let entries = [
        file(&repository, "a", &large),
        file(&repository, "b", "small"),
        directory(&repository, "d", &[file(&repository, "c", "small")]),
    ];
    commit(&repository, "main", &entries);
    let with = |bytes, entries| {
        let settings = Settings {
            limits: Limits { bytes, entries },
            ..server.settings()
        };
        let go_on = &mut |_| std::ops::ControlFlow::Continue(());
        fetch(&server.source(""), &settings, go_on).unwrap().tree
    };
    assert_eq!(with(10_010, 4).read("").unwrap().len(), 3);
    assert_eq!(code(with(10_009, 4).read("")), Err("E0304"));
    assert_eq!(code(with(10_010, 3).read("")), Err("E0304"));
    assert_eq!(code(with(9_999, 4).read_file("a")), Err("E0304"));

    // A directory that contains itself many times over cannot be made, but one can be very deep.
    let mut deep = directory(&repository, "d", &[file(&repository, "f", "x")]);
    for _ in 0..80 {
        deep = directory(&repository, "d", &[deep]);
    }
    commit(&repository, "main", &[deep]);
    assert_eq!(code(fetched(&server).read("")), Err("E0304"));

    // Few objects can be very many files: each level has the one below it ten times.
    let mut wide = directory(&repository, "d", &[file(&repository, "f", "x")]);
    for _ in 0..7 {
        let names: Vec<String> = (0..10).map(|number| format!("d{number}")).collect();
        let id = wide.id;
        let entries: Vec<Entry<'_>> = names
            .iter()
            .map(|name| Entry {
                mode: "40000",
                name: name.as_bytes(),
                id,
            })
            .collect();
        wide = directory(&repository, "d", &entries);
    }
    commit(&repository, "main", &[wide]);
    assert_eq!(code(fetched(&server).read("")), Err("E0304"));
}
