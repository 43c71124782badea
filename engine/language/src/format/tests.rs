use super::format;

/// Lays text out, and what comes out once more: that must change nothing.
#[track_caller]
fn check(path: &str, text: &str, expected: &str) {
    let once = format(path, text).unwrap();
    assert_eq!(once, expected);
    assert_eq!(format(path, &once).unwrap(), once, "twice");
}

#[track_caller]
fn check_hcl(text: &str, expected: &str) {
    check("a.strata.hcl", text, expected);
}

#[track_caller]
fn check_yaml(text: &str, expected: &str) {
    check("a.strata.yaml", text, expected);
}

#[test]
fn signs_and_comments_stand_in_columns() {
    check_hcl(
        "a=1\nlonger   =   2 # two\nx = [1,\n2]\ny=3//three\nzz = 4     # four\n",
        "a      = 1\nlonger = 2 # two\nx = [1,\n  2]\ny  = 3 //three\nzz = 4 # four\n",
    );
    check_hcl(
        "resource   \"a\"  \"b\"{\n# first\ncount=2\n\n  tags={\n a=1\n    bcd=\"x\"\n }\n\n\n}\n",
        "resource \"a\" \"b\" {\n  # first\n  count = 2\n\n  tags = {\n    a   = 1\n    bcd = \"x\"\n  }\n\n\n}\n",
    );
}

#[test]
fn a_comment_keeps_every_sign_that_is_no_space() {
    check_hcl(
        "# one\u{b} \r\na = 1 # two\u{a0}\t\n",
        "# one\u{b}\na = 1 # two\u{a0}\n",
    );
}

#[test]
fn expressions_have_one_space_around_signs() {
    let line = |text: &str, expected: &str| {
        check_hcl(&format!("a = {text}\n"), &format!("a = {expected}\n"))
    };
    line("1+2*-3", "1 + 2 * -3");
    line("!a&&b||c", "!a && b || c");
    line("a?b:c", "a ? b : c");
    line("f ( a,b , c ... )", "f(a, b, c...)");
    line("a . b [ 0 ] [ * ] . c", "a.b[0][*].c");
    line("[ 1,2 ]", "[1, 2]");
    line("{a=1,b=2}", "{ a = 1, b = 2 }");
    line("{ }", "{}");
    line(
        "{for k,v in m:k=>v if v!=1}",
        "{ for k, v in m : k => v if v != 1 }",
    );
    line(
        "[for x in [1, 2] : x if (x > 1)]",
        "[for x in [1, 2] : x if (x > 1)]",
    );
    line("{for k in l:k=>1...}", "{ for k in l : k => 1... }");
    line("- a", "-a");
    line("a - -b", "a - -b");
    line("\"x  ${ a+b }  y\"", "\"x  ${ a+b }  y\"");
    line("\"${f(\"}\")}\"+1", "\"${f(\"}\")}\" + 1");
    line("/* x */ 1", "/* x */ 1");
    line("a::b(1)", "a::b(1)");
    line("1.5e-3", "1.5e-3");
}

#[test]
fn brackets_indent_once_for_each_line() {
    check_hcl(
        "a = f({\nb = 1\n}, [\n1,\n2,\n])\n",
        "a = f({\n  b = 1\n}, [\n  1,\n  2,\n])\n",
    );
    check_hcl(
        "a = [{\nb = 1\n},\n{\nc = 1\n}]\n",
        "a = [{\n  b = 1\n},\n  {\n    c = 1\n}]\n",
    );
    check_hcl("a = (\nb\n&& c\n)\n", "a = (\n  b\n  && c\n)\n");
}

#[test]
fn heredocs_stay_as_they_are() {
    check_hcl(
        "x {\na = <<-EOT\n   one  ${ b }\n      two\n     EOT\nb = 1\n}\n",
        "x {\n  a = <<-EOT\n   one  ${ b }\n      two\n     EOT\n  b = 1\n}\n",
    );
}

#[test]
fn what_is_no_hcl_is_refused() {
    let fault = format("a.hcl", "a = \n").unwrap_err();
    assert_eq!(fault.iter().next().unwrap().code.0, "E0109");
    let fault = format("a.txt", "a = \n").unwrap_err();
    assert_eq!(fault.iter().next().unwrap().code.0, "E0203");
    let fault = format("a.yaml", "a: b: c\n").unwrap_err();
    assert_eq!(fault.iter().next().unwrap().code.0, "E0110");
}

#[test]
fn byte_order_mark_and_line_ends() {
    check_hcl("\u{feff}a=1\r\nb=2\r\n\r\n\r\n", "\u{feff}a = 1\nb = 2\n");
    check_hcl("", "");
    check_hcl("\n\n", "");
    check_yaml("a:   1\r\nb: 2\r\n", "a: 1\nb: 2\n");
}

#[test]
fn yaml_with_every_kind_of_line_end() {
    check_yaml("locals:\r  a:   1\r\n  b: 2\n", "locals:\n  a: 1\n  b: 2\n");
    check_yaml(
        "locals:\n  message: |\n    Dear \r\r\r",
        "locals:\n  message: |\n    Dear \n",
    );
}

#[test]
fn yaml_that_is_indented_too_far_is_left_as_it_is() {
    let text = |columns: usize| format!("a:\n{}- b: 1\n", " ".repeat(columns));
    assert_eq!(
        format("a.strata.yaml", &text(60)).unwrap(),
        "a:\n  - b: 1\n"
    );
    let refused = format("a.strata.yaml", &text(64)).unwrap_err();
    let message = &refused.iter().next().unwrap().detail;
    assert!(message.contains("63 columns"), "{message}");
}

#[test]
fn yaml_keeps_comments_order_and_meaning() {
    check_yaml(
        "# head\nb:   1 # one\n\na:\n    -   x\n    - {y: 1,z: [1,2]}\n# tail\n",
        "# head\nb: 1 # one\n\na:\n  - x\n  - { y: 1, z: [1, 2] }\n# tail\n",
    );
    check_yaml(
        "a: 1.10\nb: \"no\"\nc: 'x'\nd: no\n",
        "a: 1.10\nb: \"no\"\nc: \"x\"\nd: no\n",
    );
    check_yaml(
        "a: |\n  x\n   y\n\nb: >-\n  f\n  g\n",
        "a: |\n  x\n   y\n\nb: >-\n  f\n  g\n",
    );
    check_yaml("a: &x [1]\nb: *x\n", "a: &x [1]\nb: *x\n");
    check_yaml(
        "a: ${b}-c\nd: \"${e[\\\"x\\\"]}\"\n",
        "a: ${b}-c\nd: \"${e[\\\"x\\\"]}\"\n",
    );
}

#[test]
fn white_space_of_block_scalars_is_text() {
    let keeps = |text: &str| check_yaml(text, text);
    keeps("a: |\n  x   \n\n  y\t\nb: 1\n");
    keeps("a: |+\n  x\n\n\nb: 1\n");
    keeps("a: |+\n  x\n\n\n");
    keeps("a: |\n  x\n      \n  y\n");
    keeps("a: >\n  x  \n  y\n\n  z\n");
    keeps("a: |2\n     x \n   y\nb: 1\n");
    keeps("a: |-\n  # no comment \n\n# a comment\nb: 1\n");
    check_yaml("a: |\n    é\n  \n    - k: v \n", "a: |\n  é\n\n  - k: v \n");
    keeps("a: |\nb: 1\n");
    check_yaml(
        "a:\n     b:   |\n         x  \n           y\n     c: 1\n",
        "a:\n  b: |\n    x  \n      y\n  c: 1\n",
    );
    check_yaml(
        "a:\n- |  # why\n   x\t\n\n\n\n- >-\n      y \n",
        "a:\n  - | # why\n    x\t\n\n  - >-\n    y \n",
    );
}
