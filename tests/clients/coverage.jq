# The operations of the OpenAPI $document that no request in the server's log brought to succeed, a line each, but not
# those whose path matches $unneeded.
def ids: "\\{[^}]*\\}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
def operation($path): "\(ascii_upcase) \($path | gsub(ids; "{id}"))";

[inputs | select(.target == "paylent::request" and .status < 300) | .path as $path | .method | operation($path)]
    as $seen
| [$document[0].paths | to_entries[] | .key as $path | select($unneeded == "" or ($path | test($unneeded) | not))
   | .value | keys[] | select(IN("get", "post", "put", "patch", "delete")) | operation($path)]
| (. - $seen)[]
