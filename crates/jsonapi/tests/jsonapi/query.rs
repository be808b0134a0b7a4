//! Query parameters except paging.

use crate::common::{USER, lines};
use paylent_jsonapi::{Condition, Filter, Query, Sort};

fn read(raw: &str) -> Query {
    Query::collection(raw, &USER).unwrap()
}

fn refused(raw: &str) -> Vec<String> {
    lines(&Query::collection(raw, &USER).unwrap_err())
}

fn conditions(raw: &str) -> Vec<(&'static str, Condition)> {
    read(raw).filter.into_iter().map(|Filter { field, condition }| (field, condition)).collect()
}

fn keys(raw: &str) -> Vec<(&'static str, bool)> {
    read(raw).sort.into_iter().map(|Sort { field, descending }| (field, descending)).collect()
}

#[test]
fn an_empty_query_asks_for_everything_in_order_of_id() {
    for raw in ["", "&", "&&"] {
        let query = read(raw);
        assert_eq!(query.include, None);
        assert!(query.fields.allow("user", "email") && query.fields.allow("role", "name"));
        assert_eq!(query.sort, [Sort { field: "id", descending: false }]);
        assert!(query.filter.is_empty());
    }
}

#[test]
fn brackets_may_be_raw_or_encoded() {
    assert_eq!(read("filter[email]=a%40b.c&page[size]=3"), read("filter%5Bemail%5D=a@b.c&page%5bsize%5d=3"));
}

#[test]
fn values_are_form_decoded() {
    assert_eq!(conditions("filter[email]=a+b%2Bc%C3%A9"), [("email", Condition::Eq("a b+cé".into()))]);
    assert_eq!(conditions("filter[email]=a=b"), [("email", Condition::Eq("a=b".into()))]);
    assert_eq!(conditions("filter[email]"), [("email", Condition::Eq(String::new()))]);
}

#[test]
fn undecodable_text_is_refused_and_named() {
    for value in ["%", "%4", "%zz", "%+1", "%ff", "%c3", "%00", "a%00b", "%ed%a0%80", "%%41", "%4é"] {
        assert_eq!(refused(&format!("filter[email]={value}")), ["400 invalid_query filter[email]"], "{value}");
    }
    assert_eq!(refused("filter[%ff]=1"), ["400 invalid_query filter[%ff]"]);
    assert_eq!(refused("%00=1"), ["400 invalid_query %00"]);
}

#[test]
fn a_repeated_parameter_is_refused_however_it_is_encoded() {
    assert_eq!(refused("sort=email&sort=name"), ["400 invalid_query sort"]);
    assert_eq!(refused("filter[email]=a&filter%5Bemail%5D=b"), ["400 invalid_query filter[email]"]);
}

#[test]
fn unknown_parameters_are_refused() {
    for name in ["foo", "includeTotal", "Sort", "sort[a]", "include[x]", "sort[", "fil[ter", "x]y", "filters[a]", ""] {
        assert_eq!(refused(&format!("{name}=1")), [format!("400 invalid_query {name}")]);
    }
    for name in ["filter[email", "filter]email[", "filter[email]x", "filter[[email]]", "filter[email]]"] {
        assert_eq!(refused(&format!("{name}=1")), [format!("400 invalid_query {name}")]);
    }
}

#[test]
fn a_long_parameter_name_is_not_repeated_in_full() {
    let errors = refused(&format!("{}=1", "é".repeat(10_000)));
    assert!(errors[0].len() < 300);
}

#[test]
fn every_fault_is_reported_at_once() {
    assert_eq!(
        refused("include=x&fields[user]=y&sort=z&filter[w]=1&page[size]=0&v=1"),
        [
            "400 invalid_includes include",
            "400 invalid_field fields[user]",
            "400 invalid_sort sort",
            "400 invalid_filter filter[w]",
            "400 invalid_query v",
            "400 invalid_pagination page[size]",
        ]
    );
}

#[test]
fn include_takes_listed_paths_once() {
    let query = read("include=roles.permissions,organization,organization");
    assert_eq!(query.include, Some(vec!["roles.permissions", "organization"]));
    assert!(query.includes("roles") && query.includes("roles.permissions") && query.includes("organization"));
    assert!(!query.includes("role") && !query.includes("permissions") && !read("").includes("roles"));
}

#[test]
fn an_empty_include_is_given_but_empty() {
    assert_eq!(read("include=").include, Some(Vec::new()));
}

#[test]
fn include_of_anything_else_is_refused() {
    for path in ["sessions.token", "roles.permissions.roles", "roles,", ",", "roles, organization", "Roles", "email"] {
        assert_eq!(refused(&format!("include={path}")), ["400 invalid_includes include"], "{path}");
    }
}

#[test]
fn fieldsets_restrict_attributes_and_relationships_per_type() {
    let fields = read("fields[user]=email,roles,email&fields[role]=").fields;
    assert!(fields.allow("user", "email") && fields.allow("user", "roles"));
    assert!(!fields.allow("user", "name") && !fields.allow("user", "organization"));
    assert!(!fields.allow("role", "name"));
    assert!(fields.allow("organization", "name"));
}

#[test]
fn fieldsets_of_unknown_types_and_fields_are_refused() {
    for parameter in
        ["fields[user]=password_hash", "fields[role]=email", "fields[session]=token", "fields[user]=email,"]
    {
        let name = parameter.split('=').next().unwrap();
        assert_eq!(refused(parameter), [format!("400 invalid_field {name}")]);
    }
    assert_eq!(refused("fields=email"), ["400 invalid_field fields"]);
    assert_eq!(refused("fields[user][email]=1"), ["400 invalid_field fields[user][email]"]);
}

#[test]
fn sort_keys_keep_their_order_and_end_with_id() {
    assert_eq!(keys("sort=name,-created_at"), [("name", false), ("created_at", true), ("id", true)]);
    assert_eq!(keys("sort=-id"), [("id", true)]);
    assert_eq!(keys("sort=id,email"), [("id", false), ("email", false)]);
    assert_eq!(keys("sort="), [("id", false)]);
}

#[test]
fn sorting_by_anything_else_is_refused() {
    let fifty = ["name"; 50].join(",");
    for sort in ["password_hash", "(select pg_sleep(5))", "name,", "--name", "-", "name,-name", " name", &fifty] {
        assert_eq!(refused(&format!("sort={sort}")), ["400 invalid_sort sort"], "{sort}");
    }
}

#[test]
fn more_than_ten_sort_keys_are_refused() {
    use paylent_jsonapi::Schema;
    static WIDE: Schema = Schema {
        sorts: &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
        kind: "wide",
        attributes: &[],
        relationships: &[],
        includes: &[],
        filters: &[],
        others: &[],
    };
    assert_eq!(Query::collection("sort=a,b,c,d,e,f,g,h,i,j", &WIDE).unwrap().sort.len(), 11);
    let errors = Query::collection("sort=a,b,c,d,e,f,g,h,i,j,k", &WIDE).unwrap_err();
    assert_eq!(lines(&errors), ["400 invalid_sort sort"]);
}

#[test]
fn filters_take_the_listed_operators() {
    assert_eq!(conditions("filter[email]=x"), [("email", Condition::Eq("x".into()))]);
    assert_eq!(conditions("filter[email][eq]=x"), [("email", Condition::Eq("x".into()))]);
    assert_eq!(conditions("filter[email][not_eq]=x"), [("email", Condition::NotEq("x".into()))]);
    assert_eq!(conditions("filter[email][contains]=x"), [("email", Condition::Contains("x".into()))]);
    assert_eq!(
        conditions("filter[created_at][gte]=2026-01-01&filter[created_at][lt]=2026-02-01"),
        [("created_at", Condition::Gte("2026-01-01".into())), ("created_at", Condition::Lt("2026-02-01".into()))]
    );
    assert_eq!(conditions("filter[created_at][gt]=1"), [("created_at", Condition::Gt("1".into()))]);
    assert_eq!(conditions("filter[created_at][lte]=1"), [("created_at", Condition::Lte("1".into()))]);
    assert_eq!(conditions("filter[created_at][is_nil]=true"), [("created_at", Condition::IsNil(true))]);
    assert_eq!(conditions("filter[created_at][is_nil]=false"), [("created_at", Condition::IsNil(false))]);
    assert_eq!(conditions("filter[role.name]=admin"), [("role.name", Condition::Eq("admin".into()))]);
}

#[test]
fn a_list_without_an_operator_is_in_where_the_field_allows_it() {
    let both = Condition::In(vec!["a".into(), "b".into()]);
    assert_eq!(conditions("filter[id]=a,b"), [("id", both.clone())]);
    assert_eq!(conditions("filter[id][in]=a,b"), [("id", both)]);
    assert_eq!(conditions("filter[id][eq]=a,b"), [("id", Condition::Eq("a,b".into()))]);
    assert_eq!(conditions("filter[email]=a,b"), [("email", Condition::Eq("a,b".into()))]);
    assert_eq!(conditions("filter[status]=a"), [("status", Condition::In(vec!["a".into()]))]);
}

#[test]
fn hostile_filter_values_stay_literal() {
    for value in ["' OR 1=1--", "%", "_", "\\", "*"] {
        let raw = format!("filter[email]={}", value.replace('%', "%25").replace(' ', "%20"));
        assert_eq!(conditions(&raw), [("email", Condition::Eq(value.into()))]);
    }
}

#[test]
fn other_filters_are_refused() {
    for name in [
        "filter",
        "filter[]",
        "filter[password_hash]",
        "filter[email][gt]",
        "filter[email][like]",
        "filter[email][eq][eq]",
        "filter[created_at]",
        "filter[created_at][is_nil]",
        "filter[and][0][email]",
        "filter[id][in]",
    ] {
        assert_eq!(refused(&format!("{name}=")), [format!("400 invalid_filter {name}")]);
    }
    assert_eq!(refused("filter[id]=a,,b"), ["400 invalid_filter filter[id]"]);
}

#[test]
fn filter_values_and_lists_are_bounded() {
    assert_eq!(conditions(&format!("filter[email]={}", "x".repeat(1024))).len(), 1);
    assert_eq!(refused(&format!("filter[email]={}", "x".repeat(1025))), ["400 invalid_filter filter[email]"]);
    assert_eq!(refused(&format!("filter[id]=a,{}", "x".repeat(1025))), ["400 invalid_filter filter[id]"]);
    assert_eq!(conditions(&format!("filter[id]={}", ["a"; 100].join(","))).len(), 1);
    assert_eq!(refused(&format!("filter[id]={}", ["a"; 101].join(","))), ["400 invalid_filter filter[id]"]);
}

#[test]
fn a_single_resource_takes_include_and_fields_only() {
    let query = Query::resource("include=roles&fields[user]=email", &USER).unwrap();
    assert!(query.includes("roles"));
    for name in ["sort", "filter[email]", "page[size]", "page", "filter"] {
        let errors = Query::resource(&format!("{name}=1"), &USER).unwrap_err();
        assert_eq!(lines(&errors), [format!("400 invalid_query {name}")]);
    }
}
