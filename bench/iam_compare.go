package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// comparing is how long comparing two policies takes, both ways and for both
// actions, over all pairs.
type comparing struct {
	Universe string `json:"universe"`
	Pairs    int    `json:"pairs"`
	// P50 and P99 are over the pairs' medians, in milliseconds: a moment of the
	// machine that meets one pair in one round is not that pair's. P99s are those
	// of each round by itself.
	P50      float64                `json:"p50_ms"`
	P99      float64                `json:"p99_ms"`
	Most     float64                `json:"most_ms"`
	P99s     []float64              `json:"rounds_p99_ms"`
	CPU99    float64                `json:"cpu_p99_ms"` // as P99, of the CPU time of the one thread
	CPU      float64                `json:"cpu_ms"`     // a pair, on average, of all threads: the collector's with it
	Verdicts map[rights.Verdict]int `json:"verdicts"`
}

// certifying is what certificates take: of one answer, and of the comparisons.
type certifying struct {
	Of      string  `json:"of"`
	Number  int     `json:"number"`
	Without int     `json:"without"` // answers that have none
	Bytes   float64 `json:"bytes"`   // medians, all of these
	Alone   float64 `json:"answer_ms"`
	Make    float64 `json:"make_ms"` // with the answer
	Makes   float64 `json:"make_p99_ms"`
	Check   float64 `json:"check_ms"`
	Checks  float64 `json:"check_p99_ms"`
}

// algebraReport is what the role that compares and certifies prints.
type algebraReport struct {
	Compare      []comparing
	Certificates []certifying
}

// writAlgebra is a role: it measures comparing and certifying.
func writAlgebra(rounds, pairs string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(pairs)
	if err != nil {
		return err
	}
	all := madePairs(size)
	var out algebraReport
	for _, u := range []struct {
		name       string
		correlated bool
	}{{"keys tied together, plausible ARNs", true}, {"every key on its own, any ARN", false}} {
		c, err := timeComparing(rights.Universe{Facts: awsiam.EmbeddedFacts(), Correlated: u.correlated}, all, n)
		if err != nil {
			return err
		}
		c.Universe = u.name
		out.Compare = append(out.Compare, c)
	}
	answer, err := certifyAnswer(n)
	if err != nil {
		return err
	}
	out.Certificates = append(out.Certificates, answer)
	comparisons, err := certifyComparisons(all)
	if err != nil {
		return err
	}
	out.Certificates = append(out.Certificates, comparisons)
	return json.NewEncoder(os.Stdout).Encode(out)
}

func timeComparing(u rights.Universe, pairs []policyPair, rounds int) (comparing, error) {
	out := comparing{Pairs: len(pairs), Verdicts: map[rights.Verdict]int{}}
	took, spent := make([][]float64, len(pairs)), make([][]float64, len(pairs))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := cpuTime(os.Getpid())
	if err != nil {
		return out, err
	}
	for n := range rounds {
		var round []float64
		for i, p := range pairs {
			began, used := time.Now(), threadTime()
			forth, back := rights.CompareBoth(u, p.base, p.next, rights.InvokeActions)
			ms := milliseconds(time.Since(began))
			took[i], round = append(took[i], ms), append(round, ms)
			spent[i] = append(spent[i], milliseconds(threadTime()-used))
			if n == 0 {
				out.Verdicts[forth.Verdict]++
				out.Verdicts[back.Verdict]++
			}
		}
		out.P99s = append(out.P99s, percentile(round, 99))
	}
	after, err := cpuTime(os.Getpid())
	if err != nil {
		return out, err
	}
	out.CPU = milliseconds(after-before) / float64(rounds*len(pairs))
	medians := middles(took)
	out.P50, out.P99, out.Most = percentile(medians, 50), percentile(medians, 99), slices.Max(medians)
	out.CPU99 = percentile(middles(spent), 99)
	return out, nil
}

// threadTime is the CPU time of the calling thread, to the microsecond, which
// what the kernel tells of a process's threads is not.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0 // a kernel without the clock: the figure is 0, and says so
	}
	return time.Duration(t.Nano())
}

// middles are the medians of lists.
func middles(lists [][]float64) []float64 {
	out := make([]float64, len(lists))
	for i, l := range lists {
		out[i] = middle(slices.Clone(l))
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// percentile is the least figure that so many percent do not exceed.
func percentile(all []float64, percent int) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

// certifiedCase is a principal with a conditional right to a profile of several
// regions, under the SCP.
func certifiedCase() (rights.Universe, *rights.Case, error) {
	u := rights.Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true, Now: time.Now().UTC()}
	account := madeAccount{}
	own := document{Version: policyVersion, Statement: append(account.work(0), statement{
		Effect: allow, Action: invoke, Resource: words{"arn:aws:bedrock:*::foundation-model/anthropic.*", "arn:aws:bedrock:*:*:inference-profile/us.*"},
		Condition: conditions{"IpAddress": {"aws:SourceIp": {"203.0.113.0/24"}}, "StringEquals": {"aws:PrincipalTag/team": {"a", "b"}}},
	}, statement{Effect: "Deny", Action: invoke, Resource: words{"*"}, Condition: conditions{"Null": {"bedrock:GuardrailIdentifier": {"true"}}}})}
	a := analyse.New(analyse.Config{Estate: &estate.Estate{}, Catalogue: bedrock.Embedded(), Facts: u.Facts, Now: u.Now})
	checks, err := a.Checks(analyse.Question{Action: invoke[0], Resource: "us.anthropic.claude-sonnet-4-20250514-v1:0", Region: "us-east-1"}, account.id())
	if err != nil {
		return u, nil, err
	}
	scp, _ := awsiam.Parse("scp", []byte(regionPolicy), awsiam.Position{})
	layers := parsed(own).Layers
	layers.SCPs = [][]*awsiam.Document{{scp}}
	known := rights.Direct()
	known.Set("aws:PrincipalArn", awsiam.One(account.arn("role/p")))
	known.Set("aws:PrincipalAccount", awsiam.One(account.id()))
	return u, &rights.Case{Principal: awsiam.Principal{ARN: account.arn("role/p"), Account: account.id()}, Layers: layers, Checks: checks.List, Known: known}, nil
}

// answersCertified is how often one answer is certified in a round.
const answersCertified = 10

func certifyAnswer(rounds int) (certifying, error) {
	u, c, err := certifiedCase()
	if err != nil {
		return certifying{}, err
	}
	m := stopwatch{}
	for range rounds * answersCertified {
		began := time.Now()
		if d := rights.Solve(u, c).Decision; d != rights.Conditional {
			return certifying{}, fmt.Errorf("the answer to certify is %s", d)
		}
		m.alone = append(m.alone, milliseconds(time.Since(began)))
		began = time.Now()
		_, cert, err := rights.Certified(u, c)
		if err != nil {
			return certifying{}, err
		}
		if err := m.certificates(began, cert); err != nil {
			return certifying{}, err
		}
	}
	return m.result(fmt.Sprintf("an answer: a profile, %d legs, under an SCP", len(c.Checks))), nil
}

// certifiedPairs is how many comparisons are certified: a certificate of a
// comparison is checked over every combination of values.
const certifiedPairs = 50

func certifyComparisons(pairs []policyPair) (certifying, error) {
	u := rights.Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true}
	m := stopwatch{}
	for _, p := range pairs[:min(len(pairs), certifiedPairs)] {
		began := time.Now()
		rights.Compare(u, p.base, p.next, rights.InvokeActions)
		alone := milliseconds(time.Since(began))
		began = time.Now()
		_, certs, err := rights.CompareCertified(u, p.base, p.next, rights.InvokeActions)
		switch {
		case errors.Is(err, rights.ErrNoCertificate) || errors.Is(err, certificate.ErrBeyond):
			m.without++
			continue
		case err != nil:
			return certifying{}, err
		}
		m.alone = append(m.alone, alone)
		if err := m.certificates(began, certs...); err != nil {
			return certifying{}, err
		}
	}
	return m.result("a comparison one way, both actions"), nil
}

// stopwatch keeps the time that certificates take, in milliseconds.
type stopwatch struct {
	alone, made, checked, bytes []float64
	without                     int
}

// certificates writes down certificates that were made since, and checks them.
func (m *stopwatch) certificates(since time.Time, certs ...*certificate.Certificate) error {
	var texts [][]byte
	size := 0
	for _, c := range certs {
		text, err := c.Encode()
		if err != nil {
			return err
		}
		texts, size = append(texts, text), size+len(text)
	}
	m.made, m.bytes = append(m.made, milliseconds(time.Since(since))), append(m.bytes, float64(size))
	began := time.Now()
	for _, text := range texts {
		if err := certificate.Check(text); err != nil {
			return fmt.Errorf("a certificate is refused: %w", err)
		}
	}
	m.checked = append(m.checked, milliseconds(time.Since(began)))
	runtime.GC() // what one certificate leaves behind is not the next one's
	return nil
}

func (m *stopwatch) result(of string) certifying {
	out := certifying{Of: of, Number: len(m.made), Without: m.without}
	if out.Number > 0 {
		out.Makes, out.Checks = percentile(m.made, 99), percentile(m.checked, 99)
		out.Alone, out.Make, out.Check, out.Bytes = middle(m.alone), middle(m.made), middle(m.checked), middle(m.bytes)
	}
	return out
}
