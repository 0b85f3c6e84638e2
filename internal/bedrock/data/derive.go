//go:build ignore

// Derive writes models.csv and profiles.csv from the research table of models
// (columns model_id, provider, family, kind, the four prices, the two limits,
// source):
//
//	go run derive.go TABLE.csv
//
// Its rules, so that a row can be checked by hand:
//   - rows that only the mantle endpoint serves are left out, since no
//     bedrock-runtime call can name them;
//   - the provider is the first segment of the model id, and both spellings
//     of Moonshot AI are one provider, so that a rule about it reaches both;
//   - the family is the provider and the first match of familyRoots;
//   - a price that sources dispute, doubt or do not have is left out, and
//     price_note says why: unknown is refused where money is limited;
//   - a "us" profile whose premium over the model is not settled gets the
//     listed price raised by a tenth, the highest figure published for its
//     sister profiles: a table that budgets rest on errs high;
//   - a limit of tokens that the table has too low is raised (limits): what a
//     call may cost at most rests on it;
//   - a profile that only destinations.csv or globals names is added without
//     a price.
//
// destinations.csv is kept by hand from AWS's page on inference profiles
// (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html,
// as it stood in December 2025, the last that listed every source region; the
// destinations of a geographic profile do not change once it is released).
package main

import (
	"encoding/csv"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
)

// familyRoots maps the beginning of a model's name (after its provider) to
// its family; the first match counts.
var familyRoots = []struct{ start, root string }{
	{"gpt-oss", "gpt-oss"}, {"gpt", "gpt"},
	{"nova", "nova"}, {"titan", "titan"}, {"claude", "claude"},
	{"llama", "llama"}, {"gemma", "gemma"}, {"jamba", "jamba"}, {"j2", "jurassic"},
	{"command", "command"}, {"embed", "embed"}, {"rerank", "rerank"},
	{"r1", "r1"}, {"v3", "v3"}, {"ray", "ray"}, {"minimax", "minimax"},
	{"devstral", "devstral"}, {"magistral", "magistral"}, {"ministral", "ministral"},
	{"mistral", "mistral"}, {"mixtral", "mixtral"}, {"pixtral", "pixtral"}, {"voxtral", "voxtral"},
	{"kimi", "kimi"}, {"nemotron", "nemotron"}, {"qwen", "qwen"},
	{"sd3", "stable-diffusion"}, {"stable-diffusion", "stable-diffusion"}, {"stable-image", "stable-image"},
	{"marengo", "marengo"}, {"pegasus", "pegasus"}, {"palmyra", "palmyra"},
	{"grok", "grok"}, {"glm", "glm"},
}

// globals are the global profiles that the same page names and the table does not.
var globals = []string{"global.anthropic.claude-sonnet-4-20250514-v1:0", "global.twelvelabs.pegasus-1-2-v1:0"}

// limits are input and output limits that the table understates.
var limits = map[string][2]string{"amazon.nova-2-lite-v1:0": {"1000000", "65536"}}

// prices is the position of the first of the four price columns.
const prices = 4

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run derive.go TABLE.csv")
	}
	models := [][]string{{"model_id", "provider", "family", "modality", "input", "output", "cache_read", "cache_write", "max_input", "max_output", "price_note"}}
	profiles := [][]string{{"profile_id", "model_id", "input", "output", "cache_read", "cache_write", "price_note"}}
	named := map[string]bool{}
	for _, row := range read(os.Args[1]) {
		kind, modality, _ := strings.Cut(row[3], "/")
		figures, note := priced(row)
		switch {
		case strings.HasPrefix(kind, "foundation-model"):
			provider, family := origin(row[0])
			line := append([]string{row[0], provider, family, modality}, figures...)
			most := [2]string{row[8], row[9]}
			if l, ok := limits[row[0]]; ok {
				most = l
			}
			models = append(models, append(line, most[0], most[1], note))
		case strings.HasPrefix(kind, "inference-profile"):
			named[row[0]] = true
			profiles = append(profiles, append(append([]string{row[0], modelOf(row[0])}, figures...), note))
		}
	}
	others := globals
	for _, row := range read("destinations.csv") {
		others = append(others, row[0])
	}
	for _, id := range others {
		if !named[id] {
			named[id] = true
			profiles = append(profiles, []string{id, modelOf(id), "", "", "", "", "unknown: not in the price table"})
		}
	}
	write("models.csv", models)
	write("profiles.csv", profiles)
}

// read returns a table's rows without the line of column names.
func read(name string) [][]string {
	f, err := os.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	return rows[1:]
}

// modelOf is a profile id without its geography.
func modelOf(profile string) string {
	_, model, _ := strings.Cut(profile, ".")
	return model
}

// origin is the provider and the family that a model id says.
func origin(id string) (provider, family string) {
	provider, name, _ := strings.Cut(id, ".")
	if provider == "moonshot" {
		provider = "moonshotai"
	}
	for _, f := range familyRoots {
		if strings.HasPrefix(name, f.start) {
			return provider, provider + "." + f.root
		}
	}
	log.Fatalf("%s: no family", id)
	return "", ""
}

// priced is the four figures of a row that can be relied on, and a note.
func priced(row []string) (figures []string, note string) {
	figures, source := slices.Clone(row[prices:prices+4]), row[10]
	unknown := make([]string, 4)
	switch {
	case strings.Contains(source, "CONFLICT"):
		return unknown, "unknown: sources disagree"
	case strings.Contains(source, "SUSPECT"):
		return unknown, "unknown: the only figure is an outlier"
	case strings.Contains(source, "PRICE UNVERIFIED"):
		return unknown, "unknown: no public per-token price"
	case strings.Contains(source, "geo may be +10%"):
		for i, v := range figures {
			figures[i] = raised(v)
		}
		return figures, "listed price raised by a tenth: premium not settled"
	}
	return figures, ""
}

// raised adds a tenth to a price.
func raised(v string) string {
	if v == "" {
		return ""
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f*1.1, 'f', 6, 64), "0"), ".")
}

func write(name string, rows [][]string) {
	slices.SortFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	f, err := os.Create(name)
	if err != nil {
		log.Fatal(err)
	}
	if err := csv.NewWriter(f).WriteAll(rows); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
