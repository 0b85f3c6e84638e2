package bedrock

import (
	"crypto/sha256"
	_ "embed"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// AsOf is the month that the embedded models and prices were collected in.
const AsOf = "2026-09"

// The embedded tables; data/derive.go says how they are made, and the tests
// hold every entry against Validate, so that starting need not.
var (
	//go:embed data/models.csv
	modelsTable string
	//go:embed data/profiles.csv
	profilesTable string
	//go:embed data/destinations.csv
	destinationsTable string
)

// Embedded returns the catalogue that Writ ships with. It is parsed at the
// first call and shared afterwards. A table that does not parse is a fault of
// the build that the package's tests would have caught, and panics.
func Embedded() *Catalogue { return embedded() }

var embedded = sync.OnceValue(func() *Catalogue {
	c, err := parseTables(modelsTable, profilesTable, destinationsTable)
	if err != nil {
		panic(fmt.Sprintf("reading the embedded catalogue: %v", err))
	}
	return c
})

// parseTables reads the three tables, each with a line of column names.
func parseTables(models, profiles, destinations string) (*Catalogue, error) {
	c := &Catalogue{models: map[string]Model{}, profiles: map[string]Profile{}, unpriced: map[string]bool{}}
	if err := readTable(models, 11, c.addModel); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	if err := readTable(profiles, 7, c.addProfile); err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if err := readTable(destinations, 3, c.addDestinations); err != nil {
		return nil, fmt.Errorf("destinations: %w", err)
	}
	if err := c.extendPrices(factorsTable); err != nil {
		return nil, fmt.Errorf("factors: %w", err)
	}
	if err := c.readGuardrails(guardrailsTable); err != nil {
		return nil, fmt.Errorf("guardrails: %w", err)
	}
	sum := sha256.Sum256([]byte(models + profiles + destinations + factorsTable + guardrailsTable))
	c.version = AsOf + "+" + hex.EncodeToString(sum[:8])
	c.priceVersion = c.digestPrices(fmt.Sprintf("%s+%v", AsOf, *c.guardrail))
	return c, nil
}

// readTable hands every line after the first to add.
func readTable(text string, columns int, add func([]string) error) error {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = columns
	rows, err := r.ReadAll()
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fmt.Errorf("the line of column names is missing")
	}
	for i, row := range rows[1:] {
		if err := add(row); err != nil {
			return fmt.Errorf("row %d (%s): %w", i+1, row[0], err)
		}
	}
	return nil
}

// addModel reads a row of models.csv.
func (c *Catalogue) addModel(row []string) error {
	m := Model{ID: row[0], Kind: FoundationModel, Provider: row[1], Family: row[2], Modality: row[3]}
	var err error
	if m.Price, err = readPrice(row[4:8]); err != nil {
		return err
	}
	if m.MaxInput, err = readLimit(row[8]); err != nil {
		return err
	}
	if m.MaxOutput, err = readLimit(row[9]); err != nil {
		return err
	}
	if m.Modality == "" {
		m.Modality = ModalityText
	}
	if _, ok := c.models[m.ID]; ok {
		return fmt.Errorf("listed twice")
	}
	c.models[m.ID] = m
	return nil
}

// addProfile reads a row of profiles.csv. A row without figures is a profile
// whose price is unknown, and does not fall back to the model's.
func (c *Catalogue) addProfile(row []string) error {
	p := Profile{ID: row[0], Model: row[1], Global: strings.HasPrefix(row[0], globalPrefix+".")}
	var err error
	if p.Price, err = readPrice(row[2:6]); err != nil {
		return err
	}
	if !p.Price.priced() {
		c.unpriced[p.ID] = true
	}
	if _, ok := c.profiles[p.ID]; ok {
		return fmt.Errorf("listed twice")
	}
	if _, ok := c.models[p.Model]; !ok {
		return fmt.Errorf("model %q is not listed", p.Model)
	}
	c.profiles[p.ID] = p
	return nil
}

// addDestinations reads a row of destinations.csv: where a call to a profile
// in one source region may run.
func (c *Catalogue) addDestinations(row []string) error {
	p, ok := c.profiles[row[0]]
	if !ok {
		return fmt.Errorf("profile is not listed")
	}
	if p.Destinations == nil {
		p.Destinations = map[string][]string{}
	}
	if p.Destinations[row[1]] != nil {
		return fmt.Errorf("source %s is listed twice", row[1])
	}
	p.Destinations[row[1]] = strings.Fields(row[2])
	c.profiles[p.ID] = p
	return nil
}

// readPrice reads four figures; an empty one is unknown.
func readPrice(fields []string) (Price, error) {
	var figures [4]*float64
	for i, f := range fields {
		if f == "" {
			continue
		}
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return Price{}, fmt.Errorf("price %q: %w", f, err)
		}
		figures[i] = &v
	}
	return Price{Input: figures[0], Output: figures[1], CacheRead: figures[2], CacheWrite: figures[3]}, nil
}

// readLimit reads a number of tokens; an empty one is unknown, which is 0.
func readLimit(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return strconv.ParseInt(s, 10, 64)
}
