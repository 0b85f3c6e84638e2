package awsiam

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// The embedded tables; the first line of each says of when and whence they are,
// and the tests hold them against one another.
//
//go:embed data/*.csv
var embeddedTables embed.FS

// maxTable bounds a table, in bytes.
const maxTable = 4 << 20

// EmbeddedFacts returns the facts that Writ ships with. They are parsed at the
// first call and shared afterwards. A table that does not parse is a fault of
// the build that the package's tests would have caught, and panics.
func EmbeddedFacts() *Facts { return embeddedFacts() }

var embeddedFacts = sync.OnceValue(func() *Facts {
	f, err := parseFacts(shipped)
	if err != nil {
		panic(fmt.Sprintf("reading the embedded facts: %v", err))
	}
	return f
})

func shipped(table string) ([]byte, error) {
	return embeddedTables.ReadFile(path.Join("data", table))
}

// ReadFacts reads the tables in the root of a file system, in the format of
// those that Writ ships with: actions.csv, keys.csv, resources.csv,
// services.csv, managed.csv. A table that is not there is the embedded one. No
// table at all, another table, and anything in a table that cannot be read is
// an error that names file and line.
func ReadFacts(fsys fs.FS) (*Facts, error) {
	given, err := givenTables(fsys)
	if err != nil {
		return nil, err
	}
	return parseFacts(func(table string) ([]byte, error) {
		if !slices.Contains(given, table) {
			return shipped(table)
		}
		return readBounded(fsys, table)
	})
}

// givenTables lists the tables in a directory. Files that are no CSV may stand
// beside them.
func givenTables(fsys fs.FS) ([]string, error) {
	files, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("listing the tables of facts: %w", err)
	}
	var given []string
	for _, file := range files {
		name := file.Name()
		if path.Ext(name) != ".csv" {
			continue
		}
		if !slices.Contains(tableNames(), name) {
			return nil, fmt.Errorf("%.80q is no table of facts: they are %s", name, strings.Join(tableNames(), ", "))
		}
		given = append(given, name)
	}
	if len(given) == 0 {
		return nil, fmt.Errorf("no table of facts: none of %s is there", strings.Join(tableNames(), ", "))
	}
	return given, nil
}

func readBounded(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxTable+1))
	if err == nil && len(data) > maxTable {
		err = fmt.Errorf("longer than %d bytes", maxTable)
	}
	return data, err
}
