package awsiam

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// factTable is one of the tables and how its rows are read.
type factTable struct {
	name    string
	columns []string
	add     func(*Facts, []string) error
}

var factTables = []factTable{
	{"actions.csv", []string{"action", "class", "resources", "keys", "note"}, (*Facts).addAction},
	{"keys.csv", []string{"key", "type", "multi", "when", "principal", "note"}, (*Facts).addKey},
	{"resources.csv", []string{"service", "type", "arn", "invoke", "policy", "tags", "note"}, (*Facts).addResource},
	{"services.csv", []string{"service", "rcp", "principals", "note"}, (*Facts).addService},
	{"managed.csv", []string{"name", "effect", "actions", "resources", "surprising", "note"}, (*Facts).addManaged},
}

func tableNames() []string {
	names := make([]string, len(factTables))
	for i, t := range factTables {
		names[i] = t.name
	}
	return names
}

func newFacts() *Facts {
	return &Facts{
		actions: map[string]ActionFact{}, keys: map[string]KeyFact{}, resources: map[string][]arnForm{}, forms: map[string]bool{},
		services: map[string]ServiceFact{}, principals: map[string]string{}, managed: map[string]ManagedFact{},
	}
}

// parseFacts reads every table.
func parseFacts(read func(table string) ([]byte, error)) (*Facts, error) {
	f := newFacts()
	for _, t := range factTables {
		data, err := read(t.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		if err := f.readTable(t, data); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	for _, forms := range f.resources {
		slices.SortStableFunc(forms, func(a, b arnForm) int { return b.fixed - a.fixed })
	}
	return f, nil
}

func (f *Facts) readTable(t factTable, data []byte) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("not UTF-8")
	}
	date, err := dateOfTable(data)
	if err != nil {
		return err
	}
	if f.date == "" || date < f.date {
		f.date = date
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment = '#'
	r.FieldsPerRecord = len(t.columns)
	r.ReuseRecord = true
	if err := readColumns(r, t.columns); err != nil {
		return err
	}
	return f.readRows(r, t.add)
}

// dateOfTable reads the first line: # as of 2006-01-02; and the source.
func dateOfTable(data []byte) (string, error) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	rest, ok := strings.CutPrefix(string(line), "# as of ")
	if !ok {
		return "", fmt.Errorf(`line 1: not "# as of YYYY-MM-DD; source"`)
	}
	date, source, _ := strings.Cut(rest, ";")
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return "", fmt.Errorf("line 1: %.20q is no date", date)
	}
	if strings.TrimSpace(source) == "" {
		return "", fmt.Errorf("line 1: the source is missing")
	}
	return date, nil
}

func readColumns(r *csv.Reader, columns []string) error {
	row, err := r.Read()
	switch {
	case err == io.EOF:
		return fmt.Errorf("the line of column names is missing")
	case err != nil:
		return err
	case !slices.Equal(row, columns):
		line, _ := r.FieldPos(0)
		return fmt.Errorf("line %d: the columns are not %s", line, strings.Join(columns, ","))
	}
	return nil
}

func (f *Facts) readRows(r *csv.Reader, add func(*Facts, []string) error) error {
	for n := 0; ; n++ {
		row, err := r.Read()
		switch {
		case err == io.EOF && n == 0:
			return fmt.Errorf("no row")
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		line, _ := r.FieldPos(0)
		if err := checkCells(row); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if err := add(f, row); err != nil {
			return fmt.Errorf("line %d (%.80s): %w", line, row[0], err)
		}
	}
}

// checkCells refuses what the eye does not see.
func checkCells(row []string) error {
	for _, cell := range row {
		if cell != strings.TrimSpace(cell) || strings.ContainsAny(cell, "\r\n\t") {
			return fmt.Errorf("%.40q has stray white space", cell)
		}
	}
	if row[0] == "" {
		return fmt.Errorf("the first column is empty")
	}
	return nil
}
