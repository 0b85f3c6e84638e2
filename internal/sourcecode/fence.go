package sourcecode

import "bytes"

// fenceKind is what the word after a fence says about what follows.
type fenceKind uint8

const (
	untold   fenceKind = iota // no word, or one that says nothing: look at the lines
	codeTag                   // a programming language
	plainTag                  // data or text
)

// fenced deals with a line that opens or closes a fence, or stands within one
// that says what it holds, and reports whether that is all there is to do.
func (s *scanner) fenced(start, end int, text []byte) bool {
	if f := &s.fence; f.mark != 0 && isFence(text, f.mark) {
		if f.kind == codeTag {
			s.endFence(start)
		}
		s.end()
		s.fence = fence{}
		return true
	}
	if s.fence.mark == 0 && (isFence(text, '`') || isFence(text, '~')) {
		s.end()
		s.fence = fence{mark: text[0], start: end + 1, kind: tagKind(text)}
		return true
	}
	if len(text) > 0 {
		s.fence.lines++
	}
	return s.fence.mark != 0 && s.fence.kind == plainTag
}

func isFence(text []byte, mark byte) bool {
	return len(text) >= 3 && text[0] == mark && text[1] == mark && text[2] == mark && bytes.IndexByte(text[3:], '`') < 0
}

// endFence makes a finding of a fence that names a language, if it holds enough
// and one line of it at least looks like code.
func (s *scanner) endFence(end int) {
	b, f := s.block, s.fence
	s.block = block{}
	if start := min(f.start, end); b.code+b.hints > 0 && (f.lines >= minLines || end-start >= minBytes) {
		for end > start && (s.b[end-1] == '\n' || s.b[end-1] == '\r') {
			end--
		}
		s.emit(start, end, fenceScore, "fence")
	}
}

// tagKind looks up the word after a fence: ```go, ~~~ {.python}, ```js title=x.
func tagKind(text []byte) fenceKind {
	word := bytes.TrimLeft(text, "`~ {.")
	end := 0
	for end < len(word) && (word[end]|0x20 >= 'a' && word[end]|0x20 <= 'z' || word[end] == '+' || word[end] == '#' || word[end] == '-' || word[end] >= '0' && word[end] <= '9') {
		end++
	}
	var buf [16]byte
	if end == 0 || end > len(buf) {
		return untold
	}
	for i, c := range word[:end] {
		if buf[i] = c; c >= 'A' && c <= 'Z' {
			buf[i] = c | 0x20
		}
	}
	switch string(buf[:end]) {
	case "go", "golang", "python", "python2", "python3", "py", "py3", "java", "javascript", "js", "mjs", "cjs", "jsx", "typescript", "ts", "tsx", "c", "h", "cpp", "c++", "cc", "hpp",
		"cxx", "csharp", "c#", "cs", "fsharp", "f#", "fs", "vb", "vbnet", "vba", "rust", "rs", "ruby", "rb", "php", "perl", "pl", "lua", "r", "julia", "jl", "swift", "kotlin", "kt",
		"kts", "scala", "groovy", "dart", "elixir", "ex", "exs", "erlang", "erl", "haskell", "hs", "ocaml", "ml", "clojure", "clj", "cljs", "lisp", "elisp", "scheme", "racket", "sql",
		"mysql", "postgres", "postgresql", "plsql", "pgsql", "tsql", "sqlite", "bash", "sh", "shell", "zsh", "fish", "powershell", "ps1", "pwsh", "bat", "batch", "cmd", "html", "xhtml",
		"css", "scss", "sass", "less", "vue", "svelte", "dockerfile", "docker", "makefile", "make", "cmake", "terraform", "tf", "hcl", "nix", "asm", "assembly", "nasm", "armasm",
		"x86asm", "wasm", "wat", "diff", "patch", "solidity", "sol", "verilog", "vhdl", "systemverilog", "matlab", "octave", "fortran", "f90", "cobol", "pascal", "delphi", "ada", "zig",
		"nim", "crystal", "d", "objective-c", "objectivec", "objc", "proto", "protobuf", "graphql", "gql", "abap", "apex", "awk", "sed", "vim", "viml", "tcl", "prolog", "cuda", "glsl",
		"hlsl", "wgsl", "bicep", "rego", "cedar", "starlark", "bazel", "jinja", "jinja2", "erb", "ejs", "handlebars", "coffeescript", "coffee", "purescript", "elm", "reason", "vala", "smalltalk",
		"console", "shell-session", "shellsession", "jupyter", "ipython", "gradle", "qml", "move", "vyper", "mojo", "gdscript":
		return codeTag
	case "json", "json5", "jsonc", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "csv", "tsv", "text", "txt", "plaintext", "plain", "log", "logs", "output", "markdown", "md",
		"properties", "env", "dotenv", "mermaid", "latex", "tex", "http", "xml", "email", "none", "quote", "math", "bibtex", "rst", "table":
		return plainTag
	}
	return untold
}
