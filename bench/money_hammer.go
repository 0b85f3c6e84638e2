package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/store"
)

// hammer is a budget of one US dollar under many callers at two replicas.
type hammer struct {
	Callers   int    `json:"callers"`
	Replicas  int    `json:"replicas"`
	Limit     int64  `json:"limit_micro_usd"`
	Settled   int64  `json:"settled_micro_usd"` // by the account
	Logged    int64  `json:"logged_micro_usd"`  // by what both logs say was charged
	Most      int64  `json:"most_micro_usd"`    // settled and out, at any look while it went on
	Looks     int    `json:"looks"`
	Permitted int64  `json:"permitted"`
	Refused   int64  `json:"refused"`   // AccessDeniedException
	Throttled int64  `json:"throttled"` // ThrottlingException: asked again a moment later
	Other     int64  `json:"other"`
	Example   string `json:"example,omitempty"` // of the other answers
	Leases    int64  `json:"leases"`            // calls of the store
	Took      string `json:"took"`
}

const (
	hammerCallers = 256
	hammerLimit   = 1_000_000
	hammerBudget  = `apiVersion: writ/v1
kind: Budget
name: one-dollar
spec: {covers: {identities: [support-agent]}, usd: "1", window: month}
`
	hammerModel = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
)

// hammered starts two replicas on one database, and has callers ask both until
// there is nothing left.
func hammered(ctx context.Context, dir, dsn string, s settings) (out *hammer, err error) {
	binary, err := buildWrit(dir)
	if err != nil {
		return nil, err
	}
	var replicas []*replica
	defer func() {
		for _, r := range replicas {
			err = errors.Join(err, r.stop())
		}
	}()
	for _, name := range []string{"a", "b"} {
		r, err := startReplica(binary, dir, name, dsn)
		if err != nil {
			return nil, err
		}
		replicas = append(replicas, r)
	}
	token, err := replicas[0].prepare()
	if err != nil {
		return nil, err
	}
	if err := replicas[1].ready(replicas[0]); err != nil {
		return nil, err
	}
	db, err := store.OpenReadOnly(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	out = &hammer{Callers: hammerCallers, Replicas: len(replicas), Limit: hammerLimit}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { out.watch(watching, db) })
	began := time.Now()
	out.strike(replicas, token)
	out.Took = time.Since(began).Round(time.Millisecond).String()
	time.Sleep(3 * time.Second) // what is settled is reported within seconds
	stop()
	watch.Wait()
	return out, out.count(ctx, db, replicas)
}

// strike has every caller ask until it is refused for good.
func (h *hammer) strike(replicas []*replica, token string) {
	var permitted, refused, throttled, other atomic.Int64
	var example sync.Once
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: hammerCallers}}
	for i := range hammerCallers {
		all.Go(func() {
			for no := 0; no < 3; {
				status, text, err := replicas[i%len(replicas)].call(client, token)
				switch {
				case err == nil && status == http.StatusOK:
					permitted.Add(1)
				case err == nil && status == http.StatusForbidden && strings.Contains(text, "a limit of US dollars"):
					refused.Add(1)
					no++
				case err == nil && status == http.StatusTooManyRequests:
					throttled.Add(1)
					time.Sleep(200 * time.Millisecond)
				default:
					other.Add(1)
					example.Do(func() { h.Example = fmt.Sprintf("%d %.200s %v", status, text, err) })
					no++
				}
			}
		})
	}
	all.Wait()
	h.Permitted, h.Refused, h.Throttled, h.Other = permitted.Load(), refused.Load(), throttled.Load(), other.Load()
}

// watch looks at the account all the while.
func (h *hammer) watch(ctx context.Context, db *store.DB) {
	for ctx.Err() == nil {
		if all, err := db.BudgetAccounts(ctx, store.BudgetFilter{Budget: "one-dollar"}); err == nil && len(all) == 1 {
			h.Looks++
			h.Most = max(h.Most, all[0].Settled+all[0].Out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// count adds up what was charged, in the account and in the logs.
func (h *hammer) count(ctx context.Context, db *store.DB, replicas []*replica) error {
	all, err := db.BudgetAccounts(ctx, store.BudgetFilter{Budget: "one-dollar"})
	if err != nil || len(all) != 1 {
		return fmt.Errorf("%d accounts: %w", len(all), err)
	}
	h.Settled = all[0].Settled
	for _, r := range replicas {
		sum, err := r.charged(ctx)
		if err != nil {
			return err
		}
		leases, err := r.metric("writ_budget_leases_total")
		if err != nil {
			return err
		}
		h.Logged, h.Leases = h.Logged+sum, h.Leases+leases
	}
	return nil
}

// replica is one `writ up --demo` on a database that it shares.
type replica struct {
	*process
	gateway
	config string
}

func startReplica(binary, dir, name, dsn string) (*replica, error) {
	r := &replica{gateway: gateway{binary: binary, dir: filepath.Join(dir, name)}, config: filepath.Join(dir, name+".yaml")}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, err
	}
	source := filepath.Join(dir, name+".dsn")
	text := fmt.Sprintf("store: {dsnFile: %q}\nreplica: {name: %q, lease: 5s}\nkek: %q\nimpersonation: true\naccount: \"111122223333\"\n", source, name, filepath.Join(dir, "kek"))
	if err := errors.Join(os.WriteFile(source, []byte(dsn+"\n"), 0o600), os.WriteFile(r.config, []byte(text), 0o600)); err != nil {
		return nil, err
	}
	var err error
	r.process, err = start("replica "+name, nil, binary, "up", "--demo", "--data", r.data(), "--config", r.config, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	return r, err
}

// prepare sets the budget and returns a bearer token of the identity it covers.
func (r *replica) prepare() (string, error) {
	files := filepath.Join(r.dir, "budget")
	if err := errors.Join(os.MkdirAll(files, 0o700), os.WriteFile(filepath.Join(files, "budget.yaml"), []byte(hammerBudget), 0o600)); err != nil {
		return "", err
	}
	if _, err := r.verb("apply", "--yes", "-f", files); err != nil {
		return "", err
	}
	token, err := r.verb("credentials", "--identity", "support-agent", "--format", "bearer")
	return strings.TrimSpace(string(token)), err
}

// ready waits until a replica decides on what another does.
func (r *replica) ready(other *replica) error {
	revision := func(r *replica) (int64, error) {
		out, err := r.verb("status", "--json")
		var s struct{ Revision int64 }
		return s.Revision, errors.Join(err, json.Unmarshal(out, &s))
	}
	want, err := revision(other)
	for range 100 {
		if err != nil {
			return err
		}
		var now int64
		if now, err = revision(r); err == nil && now >= want {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(errors.New("the second replica does not follow the first"), err)
}

// call asks for an answer of some hundred tokens, of which 600 are allowed.
func (r *replica) call(client *http.Client, token string) (int, string, error) {
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":"[[say: %s]]"}]}],"inferenceConfig":{"maxTokens":600}}`, strings.Repeat("word ", 400))
	req, err := http.NewRequest(http.MethodPost, "http://"+r.addr+"/model/"+strings.ReplaceAll(hammerModel, ":", "%3A")+"/converse", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// charged is what the replica's log says that its calls were charged.
func (r *replica) charged(ctx context.Context) (sum int64, err error) {
	log, err := journal.OpenReader(filepath.Join(r.data(), "log", filepath.Base(r.dir)))
	if err != nil {
		return 0, err
	}
	return sum, log.Scan(ctx, 0, func(_ uint64, entry []byte) error {
		rec, err := auditlog.ParseRecord(entry)
		if err == nil && rec.Usage != nil && rec.Usage.Settled != nil {
			sum += rec.Usage.Settled.MicroUSD
		}
		return err
	})
}

// metric reads one figure of the admin listener's.
func (r *replica) metric(name string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(r.data(), "run", "endpoints.json"))
	if err != nil {
		return 0, err
	}
	var at struct{ Admin string }
	if err := json.Unmarshal(text, &at); err != nil {
		return 0, err
	}
	token, err := os.ReadFile(filepath.Join(r.data(), "run", "admin.token"))
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest(http.MethodGet, at.Admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	_, rest, found := bytes.Cut(text, []byte("\n"+name+" "))
	if !found {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	figure, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.ParseFloat(string(figure), 64)
	return int64(n), err
}
