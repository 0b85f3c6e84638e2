package main

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the table of the kept results into the document")

// The document's table is what the kept results say, to the letter.
func TestTheDocumentIsTheKeptResults(t *testing.T) {
	t.Chdir("..")
	k, err := loadKept()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := writeTable(docPath, k.table()); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	want, err := splice(text, k.table())
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text) {
		t.Errorf("%s does not show the results in %s: go test ./bench -run Document -update", docPath, resultsDir)
	}
}
