package identity

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Row is an identity as a list brings it: from a spreadsheet, from files, or
// found in an AWS account.
type Row struct {
	Line int    `json:"line,omitempty"` // 1-based, of the source; 0: it has none
	Name string `json:"name"`
	Identity
	// Guessed names the fields that the source does not state and somebody should
	// look at.
	Guessed []string `json:"guessed,omitempty"`
}

// column is one column of the CSV form.
type column struct {
	name string
	get  func(*Row) string
	set  func(*Row, string) error
}

// columns are all there are, in the order in which they are written.
var columns = []column{
	text("name", func(r *Row) *string { return &r.Name }),
	text("kind", func(r *Row) *string { return (*string)(&r.Kind) }),
	text("environment", func(r *Row) *string { return &r.Environment }),
	text("team", func(r *Row) *string { return &r.Team }),
	list("purposes", func(r *Row) *[]string { return &r.Purposes }),
	text("sponsor", func(r *Row) *string { return &r.Sponsor }),
	text("owner", func(r *Row) *string { return &r.Owner }),
	text("deputy", func(r *Row) *string { return &r.Deputy }),
	list("tags", func(r *Row) *[]string { return &r.Tags }),
	{"shared", func(r *Row) string { return strconv.FormatBool(r.Shared) }, setShared},
	list("principals", func(r *Row) *[]string { return &r.Principals }),
	{"maxSession", getMaxSession, setMaxSession},
}

func text(name string, field func(*Row) *string) column {
	return column{name, func(r *Row) string { return *field(r) }, func(r *Row, v string) error { *field(r) = v; return nil }}
}

// list is a column of several values, with semicolons between.
func list(name string, field func(*Row) *[]string) column {
	return column{name, func(r *Row) string { return strings.Join(*field(r), ";") }, func(r *Row, v string) error {
		for part := range strings.SplitSeq(v, ";") {
			if part = strings.TrimSpace(part); part == "" {
				return errors.New("a value between the semicolons is empty")
			}
			*field(r) = append(*field(r), part)
		}
		return nil
	}}
}

func setShared(r *Row, v string) error {
	switch v {
	case "true", "false":
		r.Shared = v == "true"
		return nil
	}
	return errors.New("want true or false")
}

func getMaxSession(r *Row) string {
	if r.MaxSession == 0 {
		return ""
	}
	return r.MaxSession.String()
}

func setMaxSession(r *Row, v string) error {
	d, err := time.ParseDuration(v)
	r.MaxSession = Duration(d)
	return err
}

// MaxRows is how many rows a list may have.
const MaxRows = 200_000

// maxCell is the longest cell in bytes.
const maxCell = 16 << 10

// ReadCSV reads identities from comma-separated values (RFC 4180) with a header
// row. It is strict: a column that is unknown or there twice, a row with another
// number of cells, a name given twice, and a cell that a spreadsheet would run
// are errors, each with its line, and all are reported.
func ReadCSV(r io.Reader) ([]Row, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("line 1: the file is empty: want a header row")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	order, err := readHeader(header)
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	return readRows(in, order)
}

func readHeader(header []string) (order []column, err error) {
	seen := make(map[string]bool)
	var errs []error
	for n, name := range header {
		if n == 0 {
			name = strings.TrimPrefix(name, "\ufeff") // as spreadsheets write it
		}
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("column %q is unknown: want some of %s", name, columnNames()))
			continue
		case seen[name]:
			errs = append(errs, fmt.Errorf("column %q is there twice", name))
		}
		seen[name] = true
		order = append(order, columns[i])
	}
	if !seen["name"] {
		errs = append(errs, errors.New("column name is required"))
	}
	return order, errors.Join(errs...)
}

func columnNames() string {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// maxRowErrors is how many errors are worth reading.
const maxRowErrors = 100

func readRows(in *csv.Reader, order []column) (rows []Row, _ error) {
	names := make(map[string]int)
	var errs []error
	for len(errs) < maxRowErrors {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, errors.Join(errs...)
		}
		if errors.Is(err, csv.ErrFieldCount) {
			errs = append(errs, err) // whose text has the line
			continue
		}
		if err != nil { // what follows cannot be told apart
			return nil, errors.Join(append(errs, err)...)
		}
		line, _ := in.FieldPos(0)
		row := Row{Line: line}
		if err = readRow(&row, cells, order); err == nil {
			err = once(names, row)
		}
		if err == nil && len(rows) == MaxRows {
			return nil, fmt.Errorf("line %d: there are more than %d rows: split the file", line, MaxRows)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", line, err))
		}
		rows = append(rows, row)
	}
	return nil, errors.Join(append(errs, errors.New("there are more errors"))...)
}

// once notes a row's name, and refuses one that was there.
func once(names map[string]int, row Row) error {
	if before, twice := names[row.Name]; twice {
		return fmt.Errorf("name %q is there twice: line %d has it too", row.Name, before)
	}
	names[row.Name] = row.Line
	return nil
}

func readRow(row *Row, cells []string, order []column) error {
	var errs []error
	for n, c := range order {
		cell := strings.TrimSpace(cells[n])
		if cell == "" {
			continue
		}
		if err := plainCell(cell); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		} else if err := c.set(row, strings.Clone(cell)); err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", c.name, cell, err))
		}
	}
	return errors.Join(errs...)
}

// plainCell refuses what no field of an identity holds.
func plainCell(cell string) error {
	switch {
	case len(cell) > maxCell:
		return fmt.Errorf("%d bytes are too long", len(cell))
	case !utf8.ValidString(cell) || strings.ContainsFunc(cell, unicode.IsControl):
		return errors.New("want plain text in UTF-8 without control characters")
	case formula(cell):
		return fmt.Errorf("%q begins as a formula does, which a spreadsheet would run", cell)
	}
	return nil
}

// formula reports whether a spreadsheet would take a cell for something to run
// (https://owasp.org/www-community/attacks/CSV_Injection).
func formula(cell string) bool { return cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) }

// WriteCSV writes rows as ReadCSV reads them. A cell that a spreadsheet would
// run gets an apostrophe in front.
func WriteCSV(w io.Writer, rows []Row) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	cells := make([]string, len(columns))
	for n, c := range columns {
		cells[n] = c.name
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	for i := range rows {
		for n, c := range columns {
			if cells[n] = c.get(&rows[i]); formula(cells[n]) {
				cells[n] = "'" + cells[n]
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
