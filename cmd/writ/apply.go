package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/manifest"
)

type applyCmd struct {
	dataFlag
	File   string `short:"f" required:"" help:"File or directory of .yaml, .yml and .cedar files." placeholder:"PATH"`
	Prune  bool   `help:"Delete resources that the files do not have."`
	DryRun bool   `help:"Only show the plan."`
	Yes    bool   `short:"y" help:"Do not ask. Nobody is asked either where standard input is no terminal."`
	JSON   bool   `help:"Print the answer as JSON; implies --yes."`
}

func (c *applyCmd) Help() string {
	return `Shows what would change, asks, and makes it so. With a server running the server
applies it; without one the data directory is locked and the change recorded as
the server would.`
}

func (c *applyCmd) Run(ctx context.Context) error {
	files, err := readFiles(c.File)
	if err != nil {
		return err
	}
	do, done, err := c.applier(ctx)
	if err != nil {
		return err
	}
	defer done()
	in := api.ApplyRequest{Files: files, Prune: c.Prune, DryRun: true}
	plan, err := do(ctx, in)
	if err != nil {
		return err
	}
	if !c.JSON {
		printPlan(os.Stderr, plan.Steps)
		for _, a := range plan.Asks {
			fmt.Fprintf(os.Stderr, "? others have to agree: %s\n", a)
		}
	}
	if c.DryRun || changes(plan.Steps) == 0 && len(plan.Asks) == 0 {
		return c.answer(plan)
	}
	if !c.Yes && !c.JSON && !confirmed(os.Stdin, os.Stderr) {
		return &negative{"nothing was changed"}
	}
	in.DryRun, in.Revision = false, plan.Revision
	out, err := do(ctx, in)
	if err != nil {
		return err
	}
	return c.answer(out)
}

func (c *applyCmd) answer(out api.ApplyAnswer) error {
	if c.JSON {
		return printJSON(out)
	}
	if out.Applied {
		fmt.Fprintf(os.Stderr, "applied; the state is at revision %d\n", out.Revision)
		for _, id := range out.Requests {
			fmt.Fprintf(os.Stderr, "asked for: writ request show %s\n", id)
		}
	}
	return nil
}

// applier is the live server, or the data directory under its lock.
func (c *applyCmd) applier(ctx context.Context) (func(context.Context, api.ApplyRequest) (api.ApplyAnswer, error), func(), error) {
	d, err := c.existing()
	if err != nil {
		return nil, nil, err
	}
	client, _, err := d.live(ctx)
	if err != nil {
		return nil, nil, err
	}
	if client != nil {
		return client.Apply, func() {}, nil
	}
	k, err := openKernel(ctx, d, quietLog())
	if err != nil {
		return nil, nil, err
	}
	do := func(ctx context.Context, in api.ApplyRequest) (api.ApplyAnswer, error) {
		return api.Apply(ctx, k.office, governance.Local("cli"), in)
	}
	return do, func() { _ = k.Close() }, nil
}

// readFiles reads one manifest, or every one under a directory.
func readFiles(path string) ([]api.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, withHint(err, "-f takes a file or a directory of .yaml, .yml and .cedar files")
	}
	if !info.IsDir() {
		b, err := os.ReadFile(path)
		return []api.File{{Name: path, Text: string(b)}}, err
	}
	var files []api.File
	err = filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !manifest.Readable(p) {
			return err
		}
		b, err := os.ReadFile(p)
		files = append(files, api.File{Name: p, Text: string(b)})
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("no .yaml, .yml or .cedar files in " + path)
	}
	return files, err
}

func changes(steps []api.Step) int {
	n := 0
	for _, s := range steps {
		if s.Op != string(manifest.Unchanged) {
			n++
		}
	}
	return n
}

var marks = map[string]string{"create": "+", "update": "~", "delete": "-"}

// printPlan shows what changes, one line a resource and one a field.
func printPlan(w io.Writer, steps []api.Step) {
	for _, s := range steps {
		if s.Op == string(manifest.Unchanged) {
			continue
		}
		fmt.Fprintf(w, "%s %s/%s\n", marks[s.Op], s.Kind, s.Name)
		for _, f := range s.Fields {
			fmt.Fprintf(w, "    %s: %s → %s\n", f.Path, orNone(f.Before), orNone(f.After))
		}
		for _, warning := range s.Warnings {
			fmt.Fprintf(w, "    warning: %s\n", warning)
		}
	}
	n := changes(steps)
	fmt.Fprintf(w, "%d to change, %d unchanged\n", n, len(steps)-n)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// confirmed asks about a plan. In a pipeline nobody can be asked, and the plan is
// applied as it was printed.
func confirmed(in *os.File, out io.Writer) bool { return agreed(in, out, "apply this? [y/N] ") }

// agreed asks whoever sits at a terminal; anything but a yes is a no. Where nobody
// does, whoever wrote the command has agreed.
func agreed(in *os.File, out io.Writer, question string) bool {
	if !terminal(in) {
		return true
	}
	fmt.Fprint(out, question)
	line, _ := bufio.NewReader(in).ReadString('\n') // no answer is a no
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// terminal reports whether a person may be at the other end: a character device
// other than the null device.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
