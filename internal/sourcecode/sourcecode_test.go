package sourcecode

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

func scan(text string) []dataclass.Finding {
	return Scan(nil, &dataclass.Text{Bytes: []byte(text)})
}

// snippets are programs in many languages, each of a kind that people paste.
var snippets = map[string]string{
	"Go":         "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfor i := range 3 {\n\t\tfmt.Println(i)\n\t}\n}\n",
	"Python":     "import os\nfrom sys import argv\n\ndef greet(name):\n    \"\"\"Say hello.\n\n    To whoever is named, in a friendly way.\n    \"\"\"\n    if not name:\n        return None\n    print(f\"hello {name}\")\n",
	"JavaScript": "const express = require('express');\nconst app = express();\napp.get('/', (req, res) => {\n  res.send('hello');\n});\n",
	"TypeScript": "export interface User {\n  id: number;\n  name?: string;\n}\nexport const find = async (id: number): Promise<User> => {\n  return await db.get(id);\n};\n",
	"Java":       "public class Main {\n    private final int size = 3;\n    public static void main(String[] args) {\n        System.out.println(\"hello\");\n    }\n}\n",
	"C":          "#include <stdio.h>\n\nint main(void)\n{\n    int x = 5;\n    printf(\"%d\\n\", x);\n    return 0;\n}\n",
	"C++":        "template <typename T>\nclass Stack {\npublic:\n  void push(const T& v) { items.push_back(v); }\nprivate:\n  std::vector<T> items;\n};\n",
	"C#":         "using System;\nnamespace Shop\n{\n    public class Cart\n    {\n        public int Count { get; set; }\n        public void Add(Item i) => items.Add(i);\n    }\n}\n",
	"Rust":       "use std::collections::HashMap;\n\nfn main() {\n    let mut m = HashMap::new();\n    m.insert(\"a\", 1);\n    println!(\"{:?}\", m);\n}\n",
	"Ruby":       "require 'json'\n\nclass Cart\n  def initialize(items)\n    @items = items\n  end\n\n  def total\n    @items.map(&:price).sum\n  end\nend\n",
	"PHP":        "<?php\n$users = getUsers();\nforeach ($users as $user) {\n    echo $user->name . \"\\n\";\n}\n",
	"Perl":       "use strict;\nmy %seen;\nwhile (my $line = <STDIN>) {\n    chomp $line;\n    print \"$line\\n\" unless $seen{$line}++;\n}\n",
	"shell":      "#!/bin/bash\nset -euo pipefail\nfor f in *.txt; do\n  echo \"$f\"\n  grep -c foo \"$f\" || true\ndone\n",
	"SQL":        "SELECT u.name, count(*) AS n\nFROM users u\nJOIN orders o ON o.user_id = u.id\nWHERE o.total > 100\nGROUP BY u.name;\n",
	"schema":     "CREATE TABLE users (\n  id SERIAL PRIMARY KEY,\n  email VARCHAR(255) NOT NULL,\n  created TIMESTAMP DEFAULT now()\n);\n",
	"HTML":       "<!DOCTYPE html>\n<html>\n<head><title>Hi</title></head>\n<body>\n<div class=\"a\"><p>Text</p></div>\n</body>\n</html>\n",
	"CSS":        ".button {\n  color: #fff;\n  margin: 0 auto;\n}\n\n#main > p {\n  display: none;\n}\n",
	"JSX":        "export default function App() {\n  const [n, setN] = useState(0);\n  return (\n    <button onClick={() => setN(n + 1)}>\n      {n}\n    </button>\n  );\n}\n",
	"Dockerfile": "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /app ./cmd/app\nENTRYPOINT [\"/app\"]\n",
	"Terraform":  "resource \"aws_s3_bucket\" \"logs\" {\n  bucket = \"my-logs\"\n  acl    = var.acl\n}\n\nvariable \"acl\" {\n  default = \"private\"\n}\n",
	"assembler":  "main:\n\tpush rbp\n\tmov rbp, rsp\n\tmov eax, 0\n\tcall printf\n\tpop rbp\n\tret\n",
	"patch":      "diff --git a/x.go b/x.go\n--- a/x.go\n+++ b/x.go\n@@ -1,3 +1,3 @@\n-old := 1\n+new := 2\n return\n",
	"Kotlin":     "data class User(val id: Int, val name: String)\n\nfun main() {\n    val users = listOf(User(1, \"a\"))\n    users.forEach { println(it.name) }\n}\n",
	"Swift":      "import Foundation\n\nstruct User: Codable {\n    let id: Int\n    var name: String?\n}\n\nfunc load() throws -> User {\n    return try decoder.decode(User.self, from: data)\n}\n",
	"Lua":        "local M = {}\nfunction M.add(a, b)\n  return a + b\nend\nlocal t = M.add(1, 2)\nprint(t)\nreturn M\n",
	"PowerShell": "$users = Get-ADUser -Filter {Enabled -eq $false}\nforeach ($u in $users) {\n    Write-Host \"Moved $($u.Name)\"\n}\n",
	"one line":   "for(var i=0;i<10;i++){var x=document.getElementById('row'+i);x.style.display='none';x.addEventListener('click',function(e){hide(e.target)});}",
}

func TestCodeIsFound(t *testing.T) {
	for name, text := range snippets {
		t.Run(name, func(t *testing.T) {
			if got := scan(text); len(got) == 0 || !got[0].Counts() || got[0].Entity != dataclass.SourceText {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestCodeIsFoundInProse: the span is that of the code.
func TestCodeIsFoundInProse(t *testing.T) {
	const before = "Dear all,\n\nI have a question about the code below. It does not compile, and I do not know why.\n\n"
	const after = "\n\nThank you very much for having a look at it. I would be glad to hear from you soon.\n"
	for name, text := range snippets {
		t.Run(name, func(t *testing.T) {
			got := scan(before + strings.TrimSpace(text) + after)
			if len(got) == 0 {
				t.Fatal("nothing was found")
			}
			if first, last := got[0].Start, got[len(got)-1].End; first < len(before) || last > len(before)+len(text) {
				t.Errorf("[%d,%d) is not within the code", first, last)
			}
		})
	}
}

func TestOtherTextIsNoCode(t *testing.T) {
	tests := map[string]string{
		"prose":       "I want you to act as a Linux terminal. I will type commands and you will reply with what the terminal should show.\nDo not write explanations. If I need something, I will say so; otherwise, return only the output.\nMy first command is pwd.\n",
		"mention":     "What is the difference between `let` and `const`?\nWhen should I use `async` functions (e.g. `fetch()`) in a class?\nPlease explain import and export, and if possible for beginners.\n",
		"JSON":        "{\n  \"name\": \"Ada\",\n  \"tags\": [\"a\", \"b\"],\n  \"nested\": {\n    \"url\": \"http://x/?a=b&c=d\",\n    \"run\": \"npm test && echo ok\"\n  }\n}\n",
		"YAML":        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n    - port: 80\n      targetPort: 8080\n",
		"CSV":         "id,name,price\n1,Ada,3.50\n2,Byron,4.00\n3,Clara,5.25\n4,${x},$y,z\n",
		"log":         "2026-01-02T03:04:05Z INFO start server(port=80)\n2026-01-02T03:04:06Z WARN retry() == 3\n2026-01-02T03:04:07Z ERROR failed: x != y\n",
		"stack":       "java.lang.IllegalStateException: no\n\tat com.example.Main.run(Main.java:12)\n\tat com.example.Main.main(Main.java:5)\n\tat java.base/java.lang.Thread.run(Thread.java:833)\n",
		"list":        "Shopping:\n- milk (2)\n- bread\n- eggs (12)\n\n1. first item\n2. second item\n3. third one\n",
		"table":       "| name | value |\n|------|-------|\n| a()  | 1     |\n| b()  | 2     |\n| c()  | 3     |\n",
		"letter":      "Dear Ms Mohr,\n\nfor the meeting of the board, please find attached:\n(a) the minutes;\n(b) the list of members;\n(c) the accounts.\n\nKind regards\n",
		"fenced JSON": "```json\n{\"a\": 1,\n\"b\": 2,\n\"c\": [1, 2]}\n```\n",
		"fenced text": "```text\nfor (i = 0; i < 3; i++) {\n  x();\n}\n```\n",
		"short":       "x = f(1);",
		"poem":        "If you can keep your head when all about you\n   Are losing theirs and blaming it on you,\nIf you can trust yourself when all men doubt you,\n   But make allowance for their doubting too;\n",
		"labels":      "Name: Ada Byron\nDate of birth: 10/12/1815\nPhone: +44 20 7946 0958\nNotes: none\n",
		"contacts":    "* [ada](https://example.com/ada) -\n  **Ada Byron** <<ada@example.com>> (she/her)\n* [bob](https://example.com/bob) -\n  **Bob** <<bob@example.com>>\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if got := scan(text); len(got) > 0 {
				t.Errorf("got %+v: %q", got, text[got[0].Start:got[0].End])
			}
		})
	}
}

// TestFences: a fence that names a language is code even where lines alone would
// not show it, and one that names data is none.
func TestFences(t *testing.T) {
	for _, tt := range []struct {
		text string
		want string
	}{
		{"Look:\n```python\nx = 1\ny = 2\nprint(x)\n```\nend", "x = 1\ny = 2\nprint(x)"},
		{"~~~ {.haskell}\nmain = do\n  putStrLn x\n  return ()\n~~~", "main = do\n  putStrLn x\n  return ()"},
		{"```\nfunc f(a int) {\n\treturn g(a)\n}\n```", "func f(a int) {\n\treturn g(a)\n}"},
		{"```go\n```\n", ""},
		{"```yaml\na: b\nc: d\ne: f\n```\n", ""},
		{"```go\nfunc f() {\n\tg()\n}\n", "func f() {\n\tg()\n}"},
	} {
		got := scan(tt.text)
		switch {
		case tt.want == "" && len(got) > 0:
			t.Errorf("%q: got %+v", tt.text, got)
		case tt.want != "" && (len(got) != 1 || tt.text[got[0].Start:got[0].End] != tt.want):
			t.Errorf("%q: got %+v", tt.text, got)
		}
	}
}

type failer interface {
	Fatalf(format string, args ...any)
}

func check(t failer, b []byte) {
	last := 0
	for _, f := range Scan(nil, &dataclass.Text{Bytes: b}) {
		if f.Start < last || f.End <= f.Start || f.End > len(b) || f.Score < dataclass.Likely || f.Score > 100 || f.Check == "" || f.Detector != "source_code" {
			t.Fatalf("%q: %+v after %d", b, f, last)
		}
		last = f.End
	}
}

// TestFindingsAreInOrder holds for any mixture of lines.
func TestFindingsAreInOrder(t *testing.T) {
	lines := []string{"", "func f() {", "}", "x := g(1)", "```go", "```", "~~~", "prose that goes on and on.", "\"a\": 1,", "/* x", "*/", " * y", "=head1 A", "=cut", "@@ -1 +1 @@", "# h", "\xff(", "é = ü();"}
	rapid.Check(t, func(t *rapid.T) {
		check(t, []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(lines), 0, 40).Draw(t, "lines"), "\n")))
	})
}

func TestScanAppends(t *testing.T) {
	first := dataclass.Finding{Entity: dataclass.Email, Start: 1, End: 2}
	got := Scan([]dataclass.Finding{first}, &dataclass.Text{Bytes: []byte(snippets["Go"])})
	if len(got) != 2 || got[0] != first {
		t.Fatalf("got %+v", got)
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range snippets {
		f.Add([]byte(s))
	}
	f.Add([]byte("diff --git 0\n+"))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func BenchmarkScan(b *testing.B) {
	texts := map[string]string{
		"prose":      "The quick brown fox, as far as anyone knows, jumps over the lazy dog; it then goes home. Nobody saw it.\nA second line follows here, and it is longer than the first one by far.\n",
		"go":         snippets["Go"],
		"json":       `{"firstName":"Ada","age": 36, "ok":true, "phones":["1","2"], "at":{"post_code":"N1"}}` + "\n",
		"hash":       "#\n",
		"calls":      "a(",
		"operators":  "=>",
		"newlines":   "\n",
		"letters":    "a\n",
		"quotes":     "\"\"\"\n",
		"fences":     "```go\n",
		"selects":    "select \n",
		"directives": "#x\n",
	}
	for name, s := range texts {
		text := &dataclass.Text{Bytes: []byte(strings.Repeat(s, max(1, 16384/len(s))))}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Scan(nil, text)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text.Bytes))*1.024, "µs/KiB")
		})
	}
}
