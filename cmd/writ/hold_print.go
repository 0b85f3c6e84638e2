package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/hold"
)

// printHold shows a hold as whoever decides on it needs it: who, by which right,
// and then exactly what. Nothing in it can move the cursor or turn text around,
// whoever wrote it.
func printHold(w io.Writer, v *governance.HoldView) error {
	var b strings.Builder
	if err := layOut(&b, v); err != nil {
		return err
	}
	_, err := io.WriteString(w, hold.Readable(b.String()))
	return err
}

func layOut(b *strings.Builder, v *governance.HoldView) error {
	rows := [][]string{{"hold", v.ID}, {"state", heldStanding(v)}, {"who", whoAsks(v)}}
	for _, r := range v.Rights {
		rows = append(rows, []string{"right", rightShown(r)})
	}
	rows = append(rows, [][]string{
		{"call", callShown(v)}, {"prompt", labelShown(v.Prompt)}, {"answer", labelShown(v.Hold.Answer)}, {"opened", v.Created.Format(time.RFC3339)},
	}...)
	rows = append(rows, endShown(v)...)
	for _, d := range v.Decisions {
		rows = append(rows, []string{said(v, &d), wordShown(&d)})
	}
	if err := table(b, rows...); err != nil {
		return err
	}
	if v.Purged || !v.Shown {
		layOutUnseen(b, v)
		return nil
	}
	for i := range v.Asked {
		layOutCall(b, v, &v.Asked[i])
	}
	if v.Answer != "" {
		b.WriteString("\nthe answer:\n" + indented("  | ", strings.Split(v.Answer, "\n")))
	}
	return nil
}

func whoAsks(v *governance.HoldView) string {
	about := []string{}
	for _, part := range []string{v.Kind, v.Environment} {
		if part != "" {
			about = append(about, part)
		}
	}
	if v.Team != "" {
		about = append(about, "team "+v.Team)
	}
	if v.Sponsor != "" {
		about = append(about, "sponsor "+v.Sponsor)
	}
	if len(about) == 0 {
		return v.Identity
	}
	return v.Identity + " (" + shownInline(strings.Join(about, ", ")) + ")"
}

func rightShown(r governance.HoldRight) string {
	text := orDash(r.Entitlement)
	if r.Grant != "" {
		text += ", grant " + r.Grant
	}
	if !r.Until.IsZero() {
		text += " until " + r.Until.Format(time.RFC3339)
	}
	return text + "; decided by " + shownInline(strings.Join(r.Approvers, ", "))
}

func callShown(v *governance.HoldView) string {
	text := v.Operation + " of " + hold.Visible(v.Model)
	if v.Region != "" {
		text += " in " + v.Region
	}
	return text + ", decision " + v.Decision
}

func labelShown(l hold.Label) string {
	text := orDash(l.Level)
	if len(l.Classes) > 0 {
		text += ": " + strings.Join(l.Classes, ", ")
	}
	if l.Unscanned {
		text += ", and some of it could not be read"
	}
	return text
}

// endShown says when it ends, or did, and what the reader may do until then.
func endShown(v *governance.HoldView) [][]string {
	var rows [][]string
	if v.State.Over() {
		rows = append(rows, []string{"ended", v.Ended.Format(time.RFC3339)})
		if !v.Collected.IsZero() {
			rows = append(rows, []string{"collected", v.Collected.Format(time.RFC3339)})
		}
		return rows
	}
	rows = append(rows, []string{"expires", v.Expires.Format(time.RFC3339) + " (" + expiry(v) + ")"})
	may := "may decide"
	switch {
	case slices.Contains(v.May, "decide") && v.WhyNot != "":
		may += "; " + shownInline(v.WhyNot)
	case !slices.Contains(v.May, "decide"):
		may = "may not decide: " + shownInline(v.WhyNot)
	}
	return append(rows, []string{"you", may})
}

// said names a decision: one that something else was agreed on since is void.
func said(v *governance.HoldView, d *hold.Decision) string {
	switch {
	case d.Verdict == hold.Reject:
		return "rejects"
	case d.Round != v.Round:
		return "void"
	}
	return "releases"
}

func wordShown(d *hold.Decision) string {
	who := d.By.Operator
	if d.For != nil {
		who += " for " + d.For.Operator
	}
	text := who + " at " + d.At.Format(time.RFC3339)
	if d.Reason != "" {
		text += ": " + shownInline(d.Reason)
	}
	return text
}

// layOutUnseen names the calls alone, for who may not see what they ask for.
func layOutUnseen(b *strings.Builder, v *governance.HoldView) {
	for _, c := range v.Calls {
		fmt.Fprintf(b, "\ncall %d: %s (%s)%s\n", c.Index, hold.Visible(c.Tool), whyHeld(c.Why), became(&c))
	}
	why := "what is held is shown to those who may decide on it"
	if v.Purged {
		why = "what was held is gone"
	}
	fmt.Fprintf(b, "\n%s\n", why)
}

// layOutCall shows one call, line for line, and how the arguments differ that people
// agreed on.
func layOutCall(b *strings.Builder, v *governance.HoldView, a *governance.CallView) {
	c, _ := v.Call(a.Index)
	fmt.Fprintf(b, "\ncall %d: %s (%s)%s\n", a.Index, hold.Visible(a.Tool), whyHeld(a.Why), became(&c))
	for _, note := range []string{a.Odd, only(&c)} {
		if note != "" {
			fmt.Fprintf(b, "  ! %s\n", note)
		}
	}
	if c.Needed > 1 {
		fmt.Fprintf(b, "  ! it is over a threshold: %d people have to agree\n", c.Needed)
	}
	b.WriteString(indented("    ", a.Arguments))
	if len(a.Diff) > 0 {
		b.WriteString("  released with these arguments instead:\n" + diffShown(a.Diff))
	}
}

func diffShown(diff []hold.Line) string {
	var b strings.Builder
	for _, l := range diff {
		fmt.Fprintf(&b, "  %s %s\n", l.Sign, l.Text)
	}
	return b.String()
}

func indented(by string, lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(by + l + "\n")
	}
	return b.String()
}

func whyHeld(why string) string {
	switch why {
	case hold.Write:
		return "writes"
	case hold.Unknown:
		return "nobody classified this tool"
	case hold.Changed:
		return "the tool is not as it was classified"
	case hold.Malformed:
		return "its arguments are no JSON"
	}
	return shownInline(why)
}

// only says what cannot become of a call.
func only(c *hold.Call) string {
	switch {
	case c.Why == hold.Malformed:
		return "it can only be rejected"
	case c.Digest == "":
		return "its arguments are read in more than one way: it can only be edited or rejected"
	}
	return ""
}

// became says what a call came to.
func became(c *hold.Call) string {
	switch c.Verdict {
	case hold.Release:
		return ", released"
	case hold.Edit:
		return ", released with other arguments"
	case hold.Reject:
		return ", rejected"
	}
	return ""
}
