package idnumber

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// TestVectorsOfAnotherLibrary replays what python-stdnum says of numbers made
// at random; the head of the file says how.
func TestVectorsOfAnotherLibrary(t *testing.T) {
	file, err := os.Open("testdata/stdnum.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if strings.HasPrefix(lines.Text(), "#") || len(f) != 3 {
			continue
		}
		seen++
		if want := f[2] == "1"; named[f[0]]([]byte(f[1])) != want {
			t.Errorf("%s %s: want %v", f[0], f[1], want)
		}
	}
	if seen < 1500 {
		t.Fatalf("only %d vectors were read", seen)
	}
}
