package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
)

type modelCmd struct {
	List   modelListCmd   `cmd:"" help:"List models, and how their validations stand."`
	Show   modelShowCmd   `cmd:"" help:"Show one model: its data handling, its validations, and what stops with one."`
	Attest modelAttestCmd `cmd:"" help:"Record that a model passed a review."`
}

type modelListCmd struct {
	dataFlag
	All   bool `help:"Those of the catalogue that nothing is stated about, too."`
	Due   bool `help:"Only those with a validation that is missing, expired or expiring within 30 days."`
	Limit int  `default:"0" help:"How many at most. Default: all." placeholder:"N"`
	JSON  bool `help:"Print one JSON object per line."`
}

func (c *modelListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	q := url.Values{}
	switches(q, map[string]bool{"all": c.All, "due": c.Due})
	all, err := every(c.Limit, q, func(q url.Values) (api.List[governance.ModelView], error) { return client.Models(ctx, q) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all)
	}
	rows := [][]string{{"MODEL", "IMPACT", "USABLE", "UNTIL", "VALIDATIONS"}}
	for _, m := range all {
		rows = append(rows, []string{m.ID, m.Impact, yesNo(m.Usable), when(m.Until), validationStates(m.Validations)})
	}
	return table(os.Stdout, rows...)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func validationStates(all []governance.ValidationView) string {
	var out []string
	for _, v := range all {
		out = append(out, v.Kind+" "+string(v.State))
	}
	return strings.Join(out, ", ")
}

type modelShowCmd struct {
	dataFlag
	ID   string `arg:"" help:"Id or ARN, as the catalogue lists it."`
	JSON bool   `help:"Print JSON."`
}

func (c *modelShowCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.ModelView, error) { return client.Model(ctx, c.ID) }, printModel)
}

func printModel(m *governance.ModelView) error {
	d := m.DataHandling
	rows := [][]string{
		{"model", m.ID}, {"provider", m.Provider}, {"family", m.Family}, {"base", m.Base}, {"owner", m.Owner}, {"impact", m.Impact},
		{"residency", d.Residency}, {"usable", yesNo(m.Usable)}, {"until", when(m.Until)},
		{"stops with a validation", strings.Join(m.Identities, ", ")},
	}
	if d.RetentionDays > 0 {
		rows = append(rows, []string{"retention", strconv.Itoa(d.RetentionDays) + " days"})
	}
	if d.TrainsOnData {
		rows = append(rows, []string{"trains on data", "yes"})
	}
	for _, v := range m.Validations {
		text := string(v.State)
		if v.Name != "" {
			text += fmt.Sprintf(", until %s, by %s  %s", when(v.Expires), v.By, v.Evidence)
		}
		rows = append(rows, []string{v.Kind, text})
	}
	var said [][]string
	for _, row := range rows {
		if row[1] != "" {
			said = append(said, row)
		}
	}
	return table(os.Stdout, said...)
}

type modelAttestCmd struct {
	dataFlag
	ID       string        `arg:"" help:"Id or ARN of the model."`
	Kind     string        `arg:"" help:"prompt_handling, output_restriction or data_retention."`
	Evidence string        `required:"" help:"Link to the review: https." placeholder:"URL"`
	For      time.Duration `default:"4380h" help:"How long it counts; a year at most." placeholder:"4380h"`
	JSON     bool          `help:"Print JSON."`
}

func (c *modelAttestCmd) Help() string {
	return `Records that the model passed a review, by you, with the link to it. Whoever answers
for an identity that uses the model cannot attest to it. A model that requires a
validation is refused from the moment that it is not there any more; the server
tells of it from 30 days before.`
}

func (c *modelAttestCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	m, err := client.Attest(ctx, governance.Attestation{Model: c.ID, Kind: c.Kind, Evidence: c.Evidence, Expires: time.Now().Add(c.For).UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(m)
	}
	return printModel(&m)
}
