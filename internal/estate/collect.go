package estate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

// iam-collect (https://github.com/cloud-copilot/iam-collect) keeps a directory
// per resource, under <root>/aws/<partition>/accounts/<account>/iam, with a file
// per aspect. File names are in lower case and not to be relied on; the true
// name is in metadata.json. What is empty has no file.

// collection is one directory that iam-collect wrote.
type collection struct {
	file     string
	from, to int // its jobs
	sum      hash.Hash
}

// collectRoots lists the directories that hold accounts/ or organizations/.
func collectRoots(dir string) (roots []string) {
	for _, pattern := range []string{".", "*", filepath.Join("*", "*")} {
		for _, what := range []string{"accounts", "organizations"} {
			found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), pattern, what)) // the pattern is well formed
			for _, f := range found {
				if root := filepath.Dir(f); isDir(f) && !slices.Contains(roots, root) {
					roots = append(roots, root)
				}
			}
		}
		if len(roots) > 0 {
			return roots
		}
	}
	return nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// collectedKinds is where the resources of an account are.
var collectedKinds = []struct {
	kind entityKind
	dir  string
}{
	{userEntity, "iam/user"}, {groupEntity, "iam/group"}, {roleEntity, "iam/role"}, {policyEntity, "iam/policy"}, {policyEntity, "iam/aws/policy"},
}

// collected reads a directory that iam-collect wrote.
func (l *loader) collected(dir string) error {
	col := collection{file: dir, from: len(l.jobs), sum: sha256.New()}
	roots := collectRoots(dir)
	for _, root := range roots {
		accounts, err := os.ReadDir(filepath.Join(root, "accounts"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, a := range accounts {
			if !a.IsDir() || !bedrock.ValidAccount(a.Name()) {
				continue
			}
			if err := l.collectedAccount(filepath.Join(root, "accounts", a.Name())); err != nil {
				return err
			}
		}
	}
	col.to = len(l.jobs)
	if l.Org == "" {
		if err := l.organizationsIn(roots, col.sum); err != nil {
			return err
		}
	}
	l.collections = append(l.collections, col)
	return nil
}

func (l *loader) collectedAccount(dir string) error {
	for _, k := range collectedKinds {
		base := filepath.Join(dir, filepath.FromSlash(k.dir))
		list, err := os.ReadDir(base)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range list {
			if !entry.IsDir() {
				continue
			}
			if err := l.ctx.Err(); err != nil {
				return err
			}
			r := &collectReader{l: l, kind: k.kind, dir: filepath.Join(base, entry.Name())}
			if !l.do(r.read) {
				return &InputError{Position: awsiam.Position{File: dir}, Reason: fmt.Sprintf("more than %d users, groups, roles and policies", l.Limits.Entities)}
			}
		}
	}
	return nil
}

// digestCollections lists the directories read among the inputs.
func (l *loader) digestCollections() {
	for _, col := range l.collections {
		for _, j := range l.jobs[col.from:col.to] {
			col.sum.Write(j.digest)
		}
		l.estate.Inputs = append(l.estate.Inputs, Input{File: col.file, Kind: "iam-collect", Digest: hex.EncodeToString(col.sum.Sum(nil))})
	}
}

// collectReader reads one resource's directory.
type collectReader struct {
	l    *loader
	kind entityKind
	dir  string
	sum  hash.Hash
}

// read runs in a worker.
func (r *collectReader) read(c *cursor, j *job) *entity {
	r.sum = sha256.New()
	d := draft{entity: &entity{kind: r.kind, at: awsiam.Position{File: filepath.Join(r.dir, "metadata.json"), Line: 1, Column: 1}}, cursor: c}
	there := r.file(&d, "metadata", func() error { return d.members("metadata.json", d.collectedMember) })
	if !there && d.unclear == "" {
		d.begin(nil, d.entity.at, r.dir)
		d.unsure(0, "there is no metadata.json")
		d.collect()
	}
	if d.dropped = d.unclear != "" && d.arn == ""; !d.dropped {
		d.problems, d.doubt = nil, ""
		d.dropped = !d.place()
		d.collect()
	}
	if !d.dropped {
		r.rest(&d)
	}
	j.digest = r.sum.Sum(nil)
	return d.entity
}

// collect keeps what the cursor found in one file.
func (d *draft) collect() {
	d.found = append(d.found, d.problems...)
	d.unclear = cmp.Or(d.unclear, d.doubt)
	d.problems, d.doubt = nil, ""
}

// rest reads all files but the metadata.
func (r *collectReader) rest(d *draft) {
	r.file(d, "inline-policies", func() error {
		err := d.items("inline-policies.json", d.inlinePolicy)
		for _, p := range d.inlines {
			d.inline = append(d.inline, d.document(d.arn+" inline "+p.name, p.doc))
		}
		return err
	})
	r.file(d, "managed-policies", func() error { return d.texts("managed-policies.json", &d.attached) })
	r.file(d, "instance-profiles", func() error { return d.texts("instance-profiles.json", &d.profiles) })
	r.file(d, "tags", func() error { return d.members("tags.json", d.collectedTag) })
	r.file(d, "groups", func() error {
		err := d.texts("groups.json", &d.groups)
		for i, arn := range d.groups {
			d.groups[i] = arn[strings.LastIndexByte(arn, '/')+1:]
		}
		return err
	})
	switch r.kind {
	case roleEntity:
		if r.document(d, "trust-policy", d.arn+" trust", &d.trust); d.trust == nil {
			d.trust = standIn(d.arn+" trust", "it is not in the input")
		}
	case policyEntity:
		if r.document(d, "current-policy", d.arn, &d.doc); d.doc == nil {
			d.doc = standIn(d.arn, "it is not in the input")
			d.unclear = cmp.Or(d.unclear, "the default version of the policy is not in the input")
		} else {
			d.measure(d.doc)
			d.collect()
		}
	}
}

func (r *collectReader) document(d *draft, name, as string, into **awsiam.Document) {
	r.file(d, name, func() error {
		var s span
		if err := d.span(&s); err != nil || !s.is() {
			return err
		}
		*into = d.document(as, s)
		return nil
	})
}

// file reads one file, and reports whether it is there.
func (r *collectReader) file(d *draft, name string, read func() error) bool {
	path := filepath.Join(r.dir, name+".json")
	data, err := r.l.small(path, r.sum)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	d.begin(data, awsiam.Position{File: path, Line: 1, Column: 1}, cmp.Or(d.arn, path))
	if err == nil {
		err = read()
	}
	if err != nil {
		d.unsure(offsetOf(err), "%s", reasonOf(err))
	}
	d.collect()
	return true
}

func offsetOf(err error) int64 {
	if e, ok := errors.AsType[*InputError](err); ok {
		return e.Offset
	}
	return 0
}

func reasonOf(err error) string {
	if e, ok := errors.AsType[*InputError](err); ok {
		return e.Reason
	}
	return err.Error()
}

// small reads a small file as a whole, and adds it to a digest.
func (l *loader) small(path string, sum hash.Hash) ([]byte, error) {
	f, _, err := l.open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(&bounded{r: f, n: int64(l.Limits.Value)})
	own := sha256.Sum256(data)
	fmt.Fprintf(sum, "%s %x\n", filepath.Base(path), own)
	l.progress(int64(len(data)), path)
	return data, errors.Join(err, f.Close())
}

func (d *draft) collectedMember(name string) error {
	switch name {
	case "arn":
		return d.text(name, &d.arn)
	case "name":
		return d.text(name, &d.name)
	case "id":
		return d.text(name, &d.id)
	case "path":
		return d.text(name, &d.path)
	case "created", "createDate":
		return d.when(name, &d.created)
	case "defaultVersionId":
		return d.text(name, &d.version)
	case "permissionBoundary":
		return d.collectedBoundary(name)
	}
	return d.skip()
}

func (d *draft) collectedBoundary(name string) error {
	before := len(d.problems)
	err := d.text(name, &d.boundary)
	if len(d.problems) > before {
		d.boundary = unreadableBoundary
	}
	return err
}

func (d *draft) collectedTag(key string) error {
	value := ""
	err := d.text("a tag", &value)
	if d.tags == nil {
		d.tags = map[string]string{}
	}
	d.tags[key] = value
	return err
}
