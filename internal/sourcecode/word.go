package sourcecode

import "bytes"

// lookAtStart deals with lines whose first bytes say what they are.
func lookAtStart(text []byte) (lineOf, bool) {
	switch text[0] {
	case '#':
		return hash(text)
	case '/':
		if len(text) > 1 && (text[1] == '/' || text[1] == '*') {
			return lineOf{hintLine, 1, comment}, true
		}
	case '*':
		if len(text) == 1 || text[1] == '/' {
			return lineOf{hintLine, 1, comment}, true
		}
	case '@':
		if bytes.HasPrefix(text, []byte("@@ -")) && bytes.Contains(text[4:], []byte(" @@")) {
			return lineOf{codeLine, 6, patch | operator}, true
		}
		if len(text) > 2 && isLetter(text[1]) && (bytes.IndexByte(text, ' ') < 0 || bytes.IndexByte(text, '(') > 0) {
			return lineOf{codeLine, 2, sigil | keyword}, true
		}
	case 'd', 'I', '-', '+':
		return header(text)
	case '<':
		return tag(text)
	}
	return lineOf{}, false
}

// hash tells directives and the first line of scripts from headings and
// comments, which say nothing.
func hash(text []byte) (lineOf, bool) {
	if bytes.HasPrefix(text, []byte("#!/")) || bytes.HasPrefix(text, []byte("#![")) || bytes.HasPrefix(text, []byte("#[")) {
		return lineOf{codeLine, 4, directive}, true
	}
	rest := text[1+blanks(text[1:]):]
	for _, w := range directives {
		if bytes.HasPrefix(rest, w) && (len(rest) == len(w) || !isAlnum(rest[len(w)])) {
			return lineOf{codeLine, 3, directive | keyword}, true
		}
	}
	if len(text) > 1 && text[1] != ' ' && text[1] != '#' && text[len(text)-1] == '{' {
		return lineOf{codeLine, 2, ending}, true // an id in CSS
	}
	return lineOf{kind: closer}, true
}

var directives = [][]byte{[]byte("include"), []byte("define"), []byte("ifdef"), []byte("ifndef"), []byte("endif"), []byte("undef"), []byte("pragma"), []byte("elif"), []byte("region"), []byte("endregion"), []byte("if "), []byte("else")}

// header reads the headers of a patch.
func header(text []byte) (lineOf, bool) {
	switch {
	case bytes.HasPrefix(text, []byte("-- ")):
		return lineOf{kind: closer}, true // a comment of SQL and others
	case bytes.HasPrefix(text, []byte("diff --git ")), bytes.HasPrefix(text, []byte("Index: ")) && bytes.IndexByte(text, '/') > 0,
		bytes.HasPrefix(text, []byte("--- a/")), bytes.HasPrefix(text, []byte("+++ b/")):
		return lineOf{codeLine, 4, patch | command}, true
	}
	return lineOf{}, false
}

// tag reads a line that begins with a tag: of HTML, or a component of JSX.
func tag(text []byte) (lineOf, bool) {
	if bytes.HasPrefix(text, []byte("<?php")) || bytes.HasPrefix(text, []byte("<?=")) || bytes.HasPrefix(text, []byte("<%")) {
		return lineOf{codeLine, 4, directive}, true
	}
	if bytes.HasPrefix(text, []byte("<!")) {
		if bytes.HasPrefix(text, []byte("<!--")) {
			return lineOf{kind: closer}, true
		}
		return lineOf{codeLine, 2, markup}, true
	}
	at := 1
	if at < len(text) && text[at] == '/' {
		at++
	}
	end := at
	for end < len(text) && (isAlnum(text[end]) || text[end] == '-' || text[end] == '.') {
		end++
	}
	if end == at || end < len(text) && text[end] != '>' && text[end] != ' ' && text[end] != '/' {
		return lineOf{}, false
	}
	if !isElement(text[at:end]) {
		return lineOf{kind: dataLine}, true
	}
	l := lineOf{codeLine, 2, markup}
	if bytes.IndexByte(text[end:], '=') > 0 {
		l.is(assign, 1)
	}
	if bytes.Contains(text[end:], []byte("</")) {
		l.is(operator, 1)
	}
	if at == 2 {
		l.is(ending, 0)
	}
	return l, true
}

// isElement reports whether a tag is one of HTML's, or a component's
// (capitalised).
func isElement(tag []byte) bool {
	switch string(tag) {
	case "a", "article", "aside", "audio", "b", "blockquote", "body", "br", "button", "canvas", "caption", "code", "dd", "details", "div", "dl", "dt", "em", "fieldset", "figure",
		"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "i", "iframe", "img", "input", "label", "legend", "li", "link", "main", "meta", "nav",
		"ol", "option", "p", "path", "pre", "script", "section", "select", "small", "source", "span", "strong", "style", "summary", "svg", "table", "tbody", "td", "template",
		"textarea", "tfoot", "th", "thead", "title", "tr", "ul", "video", "g", "rect", "circle", "slot", "dialog":
		return true
	}
	return false
}

// words looks at the first word of a line, and at its second where that
// matters.
func (l *lineOf) words(text []byte, m *marks) {
	end := 0
	for end < len(text) && isName(text[end]) {
		end++
	}
	if end == 0 || end > 16 {
		return
	}
	rest := text[end:]
	last := text[len(text)-1]
	shaped := l.points > 0 || last == ':' || last == '(' || last == ','
	short := m.joints <= 3 && last != '.' && last != '?' && last != '!' && last != ':'
	switch string(text[:end]) {
	case "func", "fn", "def", "class", "struct", "enum", "interface", "trait", "impl", "type", "module", "namespace", "export", "const", "let", "var", "val", "static", "public",
		"private", "protected", "internal", "final", "abstract", "override", "virtual", "async", "typedef", "extern", "template", "void", "int", "char", "float", "double", "bool",
		"boolean", "string", "unsigned", "long", "auto", "sub", "my", "our", "local", "pub", "mut", "unsafe", "function", "declare", "readonly", "inline", "constexpr", "size_t",
		"defmodule", "defp", "object", "fun", "data", "instance", "resource", "variable", "provider", "output", "signed", "short", "byte", "uint", "record", "protocol", "extension":
		l.declares(shaped, short, rest)
	case "if", "else", "elif", "elsif", "elseif", "unless", "for", "foreach", "while", "do", "switch", "case", "default", "try", "catch", "except", "finally", "with", "match", "when", "until",
		"repeat", "loop", "guard", "begin", "rescue", "ensure", "lambda", "then":
		if shaped && m.joints <= 6+2*l.points {
			l.is(keyword, 2)
		} else if len(rest) == 0 {
			l.is(keyword, 1)
		}
	case "return", "break", "continue", "throw", "raise", "yield", "await", "new", "delete", "goto", "defer", "go", "assert", "del", "pass", "throws", "this", "self", "super", "print",
		"println", "echo", "printf", "puts", "console", "end", "fi", "done", "esac", "endif", "endfor", "next", "exit", "die", "nil", "None", "null", "true", "false", "shift", "unset", "global", "nonlocal":
		if shaped || short && len(rest) > 0 && rest[0] == ' ' && len(text) > end+1 && !isUpper(text[end+1]) {
			l.is(keyword, 2)
		} else if len(rest) == 0 {
			l.is(keyword, 1)
		}
	case "import", "from", "package", "use", "using", "include", "require", "require_once", "include_once", "extends", "crate", "library", "source", "open":
		l.imports(text, rest, m, short)
	case "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "FROM", "WHERE", "JOIN", "LEFT", "RIGHT", "INNER", "OUTER", "GROUP", "ORDER", "HAVING", "LIMIT", "VALUES", "WITH",
		"UNION", "ON", "AND", "OR", "SET", "BEGIN", "COMMIT", "DECLARE", "GRANT", "REVOKE", "PRIMARY", "FOREIGN", "CONSTRAINT", "INTO", "RETURNING", "REFERENCES", "CASE", "WHEN", "ELSE", "END", "IF", "THEN", "CROSS", "FULL", "INDEX", "UNIQUE", "TRUNCATE", "REPLACE", "RETURN", "USING", "DEFAULT", "CHECK", "KEY", "ADD", "LOOP", "FOR", "EXCEPT", "RAISE", "LANGUAGE", "AS", "RETURNS", "PARALLEL", "FUNCTION", "OPERATOR":
		if m.joints < 12 && last != '.' {
			l.is(query, 2)
			if string(text[:end]) == "SELECT" || string(text[:end]) == "CREATE" || string(text[:end]) == "INSERT" || string(text[:end]) == "ALTER" {
				l.is(keyword, 1+m.joints/3)
			}
		}
	case "RUN", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "WORKDIR", "ARG", "LABEL", "VOLUME", "USER", "HEALTHCHECK", "STOPSIGNAL":
		if m.joints < 12 && last != '.' && len(rest) > 1 {
			l.is(command|keyword, 2)
		}
	case "select", "insert", "update", "create", "alter", "drop", "where", "join", "inner", "left", "order", "group", "values", "set":
		if isQuery(text) {
			l.is(query|keyword, 2+m.joints/3)
		} else if (string(text[:end]) == "set" || string(text[:end]) == "where") && shaped {
			l.is(keyword, 2)
		}
	default:
		l.others(text[:end], text, m)
	}
}

func isUpper(c byte) bool { return c-'A' < 26 }

// declares counts a word that begins a declaration.
func (l *lineOf) declares(shaped, short bool, rest []byte) {
	if len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' && rest[0] != '*' && rest[0] != '(' && rest[0] != '<' && rest[0] != '&' && rest[0] != '[' {
		return
	}
	switch {
	case shaped:
		l.is(keyword, 3)
	case short && len(rest) > 0:
		l.is(keyword, 1)
	}
}

// imports counts a line that begins with a word of imports and goes on as those
// do: a path, a quoted name, one dotted name.
func (l *lineOf) imports(text, rest []byte, m *marks, short bool) {
	switch {
	case l.points > 0 || m.quotes > 0 && m.joints < 6:
		l.is(keyword, 3)
	case bytes.Contains(rest, []byte(" import ")) && m.joints < 16:
		l.is(keyword, 3)
	case short && len(rest) > 1 && (m.joints <= 1 || bytes.Contains(rest, []byte("::")) || bytes.Contains(rest, []byte(" as "))):
		l.is(keyword, 2)
	}
}

// isQuery reports whether a line in small letters is SQL: it has the words that
// belong together.
func isQuery(text []byte) bool {
	for _, pair := range [][2]string{
		{"select ", " from "}, {"insert into ", "("}, {"update ", " set "}, {"create table ", ""}, {"create index ", ""}, {"create unique ", ""}, {"create or replace ", ""}, {"alter table ", ""}, {"drop table ", ""}, {"drop index ", ""},
		{"left join ", " on "}, {"inner join ", " on "}, {"join ", " on "}, {"where ", " = "}, {"where ", " in ("}, {"group by ", ""}, {"order by ", ""}, {"values (", ""}, {"values(", ""},
	} {
		if bytes.HasPrefix(text, []byte(pair[0])) && bytes.Contains(text, []byte(pair[1])) {
			return true
		}
	}
	return false
}

// others looks at first words that say something only with what follows: shell
// commands with options, instructions of assemblers, columns of tables.
func (l *lineOf) others(word, text []byte, m *marks) {
	switch string(word) {
	case "sudo", "apt", "npm", "npx", "yarn", "pip", "pip3", "docker", "kubectl", "helm", "git", "curl", "wget", "cd", "mkdir", "rm", "cp", "mv", "chmod", "chown", "grep", "sed", "awk", "cat", "tar",
		"ssh", "scp", "aws", "terraform", "systemctl", "find", "xargs", "ls", "touch", "ln", "test", "python", "python3", "node", "java", "gcc", "brew", "cargo", "dotnet", "mvn", "psql", "mysql", "tail", "head", "sort", "printenv", "trap", "eval", "exec", "install":
		if isCommand(text[len(word):]) && m.joints < 8 {
			l.is(command, 2)
		}
	case "mov", "push", "pop", "call", "jmp", "je", "jne", "jz", "jnz", "lea", "xor", "add", "sub", "cmp", "ret", "ldr", "str", "bl", "movl", "movq", "addl", "addq", "subq", "pushq", "popq", "leaq", "inc", "dec", "nop", "syscall", "test_", "and", "or", "shl", "shr", "jl", "jg", "jge", "jle", "ldp", "stp", "adrp", "cbz", "retq", "callq":
		if isOperands(text[len(word):]) {
			l.is(command|keyword, 2)
		} else if m.joints <= 1 && len(text) < 24 && text[len(text)-1] != '.' {
			l.is(command, 1)
		}
	default:
		switch {
		case isColumn(text):
			l.is(query, 2)
		case m.joints <= 2 && isField(text[len(word):]):
			l.is(keyword, 1)
		case len(word) <= 8 && m.tight+m.joints <= 4 && isInstruction(text[len(word):]):
			l.is(command|keyword, 2)
		}
	}
}

// isInstruction reports whether what follows a word are operands of which one is
// a register or an immediate value.
func isInstruction(rest []byte) bool {
	n := blanks(rest)
	if n == 0 || len(rest) > 56 || n == len(rest) {
		return false
	}
	special, operands := false, 0
	for part := range bytes.SplitSeq(rest[n:], []byte(",")) {
		part = trimRight(part[blanks(part):])
		if len(part) == 0 || bytes.IndexByte(part, ' ') >= 0 {
			return false
		}
		operands++
		special = special || bytes.IndexByte([]byte("$%#["), part[0]) >= 0 || len(part) <= 3 && len(part) > 1 && isLetter(part[0]) && isDigit(part[len(part)-1]) || part[len(part)-1] == ')'
	}
	return special && operands > 1
}

// isField reports whether what follows a name is the type of a field, as in
// Go: a built-in type, a pointer, a slice or a map.
func isField(rest []byte) bool {
	n := blanks(rest)
	if n == 0 || n == len(rest) {
		return false
	}
	rest = rest[n:]
	end := 0
	for end < len(rest) && isName(rest[end]) {
		end++
	}
	switch string(rest[:end]) {
	case "string", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "bool", "byte", "rune", "float32", "float64", "error", "uintptr":
		return end == len(rest) || rest[end] == ' ' || rest[end] == ','
	case "map", "chan", "func", "struct", "interface":
		return end < len(rest) && (rest[end] == '[' || rest[end] == '(' || rest[end] == '{' || rest[end] == ' ')
	case "":
		return len(rest) > 1 && (rest[0] == '*' && isLetter(rest[1]) || rest[0] == '[' && (rest[1] == ']' || isDigit(rest[1])))
	}
	return false
}

// isCommand reports whether what follows a command looks like options, paths or
// pipes.
func isCommand(rest []byte) bool {
	if len(rest) == 0 || rest[0] != ' ' {
		return false
	}
	return bytes.Contains(rest, []byte(" -")) || bytes.IndexByte(rest, '/') > 0 || bytes.IndexByte(rest, '|') > 0 || bytes.IndexByte(rest, '$') > 0 ||
		bytes.Contains(rest, []byte(" install")) || bytes.IndexByte(rest, '>') > 0
}

// isOperands reports whether what follows an instruction are its operands:
// registers, numbers, addresses, with commas between.
func isOperands(rest []byte) bool {
	if len(rest) == 0 {
		return false
	}
	rest = rest[blanks(rest):]
	return len(rest) > 0 && len(rest) < 48 && (rest[0] == '%' || rest[0] == '[' || bytes.IndexByte(rest, ',') > 0 && bytes.Count(rest, []byte(" ")) <= 3)
}

// isColumn reports whether a line declares the column of a table: a name, then
// a type of SQL.
func isColumn(text []byte) bool {
	at := bytes.IndexByte(text, ' ')
	if at < 0 {
		return false
	}
	rest := text[at+blanks(text[at:]):]
	end := 0
	for end < len(rest) && isLetter(rest[end]) {
		end++
	}
	switch string(rest[:end]) {
	case "INTEGER", "INT", "BIGINT", "SMALLINT", "SERIAL", "BIGSERIAL", "VARCHAR", "CHAR", "TEXT", "BOOLEAN", "BOOL", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "DATETIME", "DECIMAL", "NUMERIC", "FLOAT", "DOUBLE", "REAL", "BLOB", "BYTEA", "JSON", "JSONB", "UUID", "NVARCHAR", "INET":
		return true
	case "integer", "bigint", "smallint", "varchar", "timestamp", "timestamptz", "bytea", "jsonb", "datetime", "bigserial", "serial":
		return true
	}
	return false
}
