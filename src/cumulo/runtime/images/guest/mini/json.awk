# Flattens a JSON document to lines of path, tab, value: {"a": {"b": "c"}} gives `/a/b<tab>c`. Line ends inside a
# value become spaces. Reads the whole input as one text; eats it token by token.
{ text = text $0 " " }
END { value("") }

function token(pattern) {
    sub(/^[ \t\r]+/, "", text)
    if (!match(text, pattern)) return ""
    taken = substr(text, 1, RLENGTH)
    text = substr(text, RLENGTH + 1)
    return taken
}

function string(   raw) {
    raw = token("^\"([^\"\\\\]|\\\\.)*\"")
    raw = substr(raw, 2, length(raw) - 2)
    gsub(/\\[nrt]/, " ", raw)
    gsub(/\\"/, "\"", raw)
    gsub(/\\\//, "/", raw)
    gsub(/\\\\/, "\\", raw)
    sub(/ +$/, "", raw)
    return raw
}

function value(path,   key, index_) {
    if (token("^[{]") != "") {
        while (token("^[}]") == "") {
            key = string()
            if (token("^[ \t]*:") == "") exit
            value(path "/" key)
            token("^,")
        }
    } else if (token("^[[]") != "") {
        index_ = 0
        while (token("^[]]") == "") {
            if (text == "") exit
            value(path "/" index_++)
            token("^,")
        }
    } else if (text ~ /^[ \t]*"/) {
        print path "\t" string()
    } else {
        print path "\t" token("^[-+.0-9A-Za-z]*")
    }
}
