package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// constant is a target whose rounds are all the same.
func constant(name string, s sample) target {
	return target{Name: name, Median: s, Rounds: []sample{s, s}}
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestTable(t *testing.T) {
	r := &results{occasion: occasion{Commit: "abc", Dirty: true}, Rounds: 3, Notes: []string{nginxMissing}, Rows: []row{{Name: "converse c=1", Connections: 1, Targets: []target{
		{Name: bareName, Median: sample{P50: 20, P99: 50, Rate: 40000, CPU: 10}},
		{Name: proxyName, Median: sample{P50: 110, P99: 190, Rate: 9000, CPU: 50}},
		{Name: writName, Median: sample{P50: 220, P99: 400, Rate: 4000, CPU: 100}, Rounds: []sample{{P50: 210, CPU: 90}, {P50: 230, CPU: 120}}},
	}}}}
	wants(t, r.table(), "abc with uncommitted changes", "apt-get install nginx-light",
		"| converse c=1 | bare stand-in | 20 | 50 | – | – | 40000 | 10.0 | 100000 | – |",
		"| converse c=1 | Writ | 220 (210–230) | 400 | +200 | +350 | 4000 | 100.0 (90.0–120.0) | 10000 | 0.50 |")
	// Where the stand-in costs more than the target, the load is its own limit.
	r.Rows[0].Connections, r.Rows[0].Targets[0].Median.CPU = 64, 200
	if text := r.table(); strings.Contains(text, "+200") {
		t.Errorf("latency that the target did not add is shown:\n%s", text)
	}
}

func TestTablesOfEverything(t *testing.T) {
	r := &results{
		Rows: []row{
			{Name: "paced c=1", Connections: 1, Paced: true, Targets: []target{constant(bareName, sample{Mean: 10}), constant(proxyName, sample{Mean: 50}), constant(writName, sample{Mean: 70, CPU: 9})}},
			{Name: "body 1MB c=4", Connections: 4, Body: 1_000_000, Targets: []target{constant(proxyName, sample{P50: 2000, CPU: 1000}), constant(writName, sample{P50: 8000, Rate: 100, CPU: 4000})}},
		},
		Streams:   []openStreams{{Protocol: protocolH2C, Target: writName, Streams: 1000, Before: 40, During: 110, Each: 71.7}},
		Bodies:    []bodyMemory{{Target: writName, Body: 1 << 20, Before: 40, Lone: 1, Series: 3}},
		Decisions: []decision{{Grants: 10, Repeated: cost{Micros: 4, Rounds: []float64{3, 5}}, New: cost{Micros: 20, Allocations: 121}}},
	}
	wants(t, r.table(),
		"| paced c=1 | Writ | 70 (70–70) | 0 | 0 | +60.0 | 1.50 | 9.0 |",
		"| body 1MB c=4 | Writ | 8.0 | 100.0 | 4.00 | 250 | 0.25 |",
		"| 1000 | Writ | h2c | 40 | 110 | 71.7 |",
		"| Writ | 40 | 1.0 | 1.00 | 3.0 | 3.00 |",
		"| 10 | 4.0 (3.0–5.0) | 0 | 0 | 20.0 | 121 | 0 | 0.00 |")
}

func TestGoals(t *testing.T) {
	r := &results{
		occasion: occasion{Machine: machine{Sync: 150}},
		Rows: []row{
			{Name: "converse c=1", Connections: 1, Targets: []target{constant(bareName, sample{P50: 20}), constant(proxyName, sample{P50: 100}), constant(writName, sample{P50: 350}), constant(tmpfsName, sample{P50: 180})}},
			{Name: "converse c=64", Connections: 64, Targets: []target{constant(bareName, sample{P50: 100, P99: 200, CPU: 10}), constant(proxyName, sample{P50: 1100, P99: 2200, CPU: 60}), constant(writName, sample{P50: 1600, P99: 3400, CPU: 90})}},
			{Name: "paced c=1", Connections: 1, Paced: true, Targets: []target{constant(bareName, sample{Mean: 10}), constant(proxyName, sample{Mean: 50}), constant(writName, sample{Mean: 100})}},
		},
		Streams:   []openStreams{{Protocol: protocolH1, Target: writName, During: 110}, {Protocol: protocolH1, Target: proxyName, During: 500}},
		Bodies:    []bodyMemory{{Target: writName, Body: 1 << 20, Lone: 2.5}},
		Decisions: []decision{{Repeated: cost{Micros: 4}, New: cost{Micros: 20}}, {}, {Repeated: cost{Micros: 9}, New: cost{Micros: 22}}},
	}
	var b strings.Builder
	writeGoals(&b, r.goals())
	wants(t, b.String(),
		"÷ ReverseProxy's (1.0 wished) | ≥ 0.6 | 0.67 (0.67–0.67) | reached |",
		"c=64: p50 added ÷ what the ReverseProxy adds | ≤ 1.5 | 1.50 (1.50–1.50) | reached |",
		"c=64: p99 added ÷ what the ReverseProxy adds | ≤ 1.5 | 1.60 (1.60–1.60) | not reached |",
		"(50 wished) | ≤ 100 µs | 250 (250–250) | not reached |",
		"flush of this disk, by itself |  | 150 |  |",
		"what is not the disk's |  | 80 (80–80) |  |",
		"54-frame stream, c=1: mean delay added to a frame ÷ what the ReverseProxy adds | ≤ 2 | 2.25 (2.25–2.25) | not reached |",
		"54-frame stream, c=16: mean delay added to a frame ÷ what the ReverseProxy adds | ≤ 2 | – | not measured |",
		"HTTP/1.1: resident | ≤ 150 MB | 110 | reached |",
		"h2c: resident | ≤ 150 MB | – | not measured |",
		"once more) | ≤ 2 | 2.50 | not reached |",
		"10 grants, repeated question | ≤ 5 µs | 4.0 | reached |",
		"÷ at 10, repeated question | ≤ 2 | 2.25 | not reached |",
		"10 grants, new question | ≤ 5 µs | 20.0 | not reached |",
		"÷ at 10, new question | ≤ 2 | 1.10 | reached |")
}

// TestGoalsOfNothing: what was not measured is not reached.
func TestGoalsOfNothing(t *testing.T) {
	var k kept
	text := k.table()
	k.Run = &results{Rounds: 1}
	text += k.table()
	if strings.Contains(text, " reached |") || !strings.Contains(text, "not measured |") {
		t.Error(text)
	}
	// A stand-in and a proxy that take equally long leave nothing to divide by.
	// It was noise, and noise must not pass for a target reached.
	same := sample{P50: 1, P99: 1, CPU: 1}
	k.Run.Rows = []row{{Name: "converse c=64", Connections: 64, Targets: []target{constant(bareName, same), constant(proxyName, same), constant(writName, sample{P50: 2, P99: 2, CPU: 1})}}}
	if _, rounds := k.Run.Rows[0].each(addedRatio(sample.p50), writName); rounds != nil {
		t.Errorf("a ratio to nothing: %v", rounds)
	}
}

func TestGrowth(t *testing.T) {
	flat, grows := &soak{}, &soak{}
	for i := range soakHours + 1 {
		warm := float64(min(i, 6)) // what fills up in the first hours is no growth
		flat.Hours = append(flat.Hours, soakHour{Calls: i * 1000, Heap: 10 + warm, RSS: 50 + warm, Goroutines: 20, Files: 12, Disk: float64(i)})
		grows.Hours = append(grows.Hours, soakHour{Calls: i * 1000, Heap: 10 + float64(i)/2, RSS: 50, Goroutines: 20 + i, Files: 12})
	}
	if g := flat.growth(soakHour.heap); g != 0 {
		t.Errorf("a level heap grows by %v", g)
	}
	if g := grows.growth(soakHour.heap); g < 11.99 || g > 12.01 {
		t.Errorf("a heap that grows by 12 MB a day grows by %v", g)
	}
	if got := flat.diskEach(); got < 1048 || got > 1049 {
		t.Errorf("%v bytes a call", got)
	}
	for _, g := range flat.goals() {
		if !g.passed {
			t.Errorf("%+v", g)
		}
	}
	for _, g := range grows.goals() {
		if g.passed {
			t.Errorf("%+v", g)
		}
	}
	wants(t, grows.table(), "live heap +12.0 MB, resident +0.0 MB, goroutines +24", "| 24000 | 22.0 |")
}

func TestReadMetrics(t *testing.T) {
	text := "# HELP go_goroutines x\n# TYPE go_goroutines gauge\ngo_goroutines 27\ngo_memstats_next_gc_bytes 4.194304e+07\nwrit_requests_total{operation=\"Converse\"} 9\n"
	got, err := readMetrics(text, "go_goroutines", "go_memstats_next_gc_bytes")
	if err != nil || got["go_goroutines"] != 27 || liveHeap(got["go_memstats_next_gc_bytes"], 100) != 20 {
		t.Errorf("%v: %v", got, err)
	}
	if _, err := readMetrics(text, "go_gc_gogc_percent"); err == nil {
		t.Error("a metric that is missing counts as nothing")
	}
}

func TestKeptAndLoaded(t *testing.T) {
	t.Chdir(t.TempDir())
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old := kept{Run: &results{occasion: occasion{Commit: "old", At: at}}}
	now := kept{
		Run:   &results{occasion: occasion{Commit: "now", Dirty: true, At: at.Add(time.Hour)}, Rounds: 7},
		Soak:  &soak{occasion: occasion{Commit: "now", At: at}, Calls: 24, Hours: []soakHour{{Heap: 1}}},
		Build: &build{occasion: occasion{Commit: "now", At: at}, Cold: 90, Versions: []float64{1, 2}},
	}
	for _, save := range []func() error{
		func() error { return now.save(settings{}) }, func() error { return old.save(settings{}) },
		func() error { return now.save(settings{Soak: true}) }, func() error { return now.save(settings{Build: true}) },
	} {
		if err := save(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := loadKept()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(now, got, cmp.AllowUnexported(results{}, soak{}, build{})); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(resultsDir, "now-dirty.json")); err != nil {
		t.Error(err)
	}
}

func TestKeptResultsCanBeRead(t *testing.T) {
	t.Chdir("..")
	k, err := loadKept()
	if err != nil || k.Run == nil {
		t.Fatalf("%v", err)
	}
	wants(t, k.table(), k.Run.Commit, "| converse c=64 | Writ |")
}
