package estate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// collectedOrganizations reads only the organizations of a directory that
// iam-collect wrote.
func (l *loader) collectedOrganizations(dir string, roots []string) error {
	sum := sha256.New()
	if err := l.organizationsIn(roots, sum); err != nil {
		return err
	}
	if len(l.orgs) == 0 {
		return &InputError{Position: awsiam.Position{File: dir}, Reason: "the directory holds no organization"}
	}
	l.estate.Inputs = append(l.estate.Inputs, Input{File: dir, Kind: "iam-collect", Digest: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (l *loader) organizationsIn(roots []string, sum hash.Hash) error {
	for _, root := range roots {
		base := filepath.Join(root, "organizations")
		list, err := os.ReadDir(base)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range list {
			if !entry.IsDir() {
				continue
			}
			r := collectOrg{l: l, sum: sum, dir: filepath.Join(base, entry.Name()), tree: newOrgTree(filepath.Join(base, entry.Name()))}
			r.tree.id = entry.Name()
			r.read()
			l.orgs = append(l.orgs, r.tree.resolve(l))
		}
	}
	return nil
}

// collectOrg reads one organization that iam-collect wrote.
type collectOrg struct {
	l    *loader
	sum  hash.Hash
	dir  string
	tree *orgTree
	c    *cursor
}

func (r *collectOrg) read() {
	r.file("metadata.json", true, r.metadata)
	r.file("ous.json", true, func(id string) error { return r.node(id, false) })
	r.file("accounts.json", true, func(id string) error { return r.node(id, true) })
	r.policies("scps", scpType)
	r.policies("rcps", rcpType)
}

// file reads an object; visit takes the members' values.
func (r *collectOrg) file(name string, needed bool, visit func(name string) error) {
	path := filepath.Join(r.dir, name)
	data, err := r.l.small(path, r.sum)
	if errors.Is(err, fs.ErrNotExist) && !needed {
		return
	}
	r.c = newCursor()
	r.c.begin(data, awsiam.Position{File: path, Line: 1, Column: 1}, path)
	if err == nil {
		err = r.c.members(name, visit)
	}
	if err != nil {
		r.c.unsure(offsetOf(err), "%s", reasonOf(err))
	}
	r.l.problems.add(r.c.problems...)
	if r.c.doubt != "" {
		r.l.incomplete("", "", "", "not all of the organization could be read: "+path+": "+r.c.doubt)
	}
}

func (r *collectOrg) metadata(name string) error {
	switch name {
	case "id":
		return r.c.text(name, &r.tree.id)
	case "rootOu":
		var root string
		err := r.c.text(name, &root)
		r.tree.roots = append(r.tree.roots, root)
		return err
	case "rootAccountId":
		return r.c.text(name, &r.tree.management)
	case "features":
		r.tree.enabled = map[string]bool{}
		return r.c.members(name, func(kind string) error {
			on := false
			err := r.c.boolean(kind, &on)
			r.tree.enabled[kind] = on
			return err
		})
	}
	return r.c.skip()
}

func (r *collectOrg) node(id string, account bool) error {
	n := &orgNode{id: id, account: account, at: r.c.position(r.c.dec.InputOffset())}
	var attached []string
	err := r.c.members("an entry", func(name string) error {
		switch name {
		case "parent", "ou":
			return r.c.text(name, &n.parent)
		case "scps", "rcps":
			return r.c.texts(name, &attached)
		}
		return r.c.skip()
	})
	for _, arn := range attached {
		n.attached = append(n.attached, r.policy(arn))
	}
	r.tree.nodes[id] = n
	return err
}

// policy is the id in a policy's ARN, whose type the ARN tells as well:
// arn:aws:organizations::111122223333:policy/o-…/service_control_policy/p-….
func (r *collectOrg) policy(arn string) string {
	parts := strings.Split(arn, "/")
	id := parts[len(parts)-1]
	if r.tree.policies[id] == nil {
		p := &orgPolicy{id: id}
		if len(parts) > 1 {
			p.kind = strings.ToUpper(parts[len(parts)-2])
		}
		r.tree.policies[id] = p
	}
	return id
}

// policies reads the documents of one type.
func (r *collectOrg) policies(dir, kind string) {
	list, err := os.ReadDir(filepath.Join(r.dir, dir))
	if err != nil {
		return // none; what is attached and missing is told with the levels
	}
	byLower := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(r.tree.policies)) {
		byLower[strings.ToLower(id)] = id
	}
	for _, entry := range list {
		id, ok := byLower[entry.Name()]
		if !ok || !entry.IsDir() {
			continue // attached nowhere
		}
		p := r.tree.policies[id]
		p.kind = kind
		r.document(p, filepath.Join(dir, entry.Name(), "policy.json"))
		r.file(filepath.Join(dir, entry.Name(), "metadata.json"), false, func(name string) error {
			switch name {
			case "name":
				return r.c.text(name, &p.name)
			case "awsManaged":
				return r.c.boolean(name, &p.managed)
			}
			return r.c.skip()
		})
	}
}

func (r *collectOrg) document(p *orgPolicy, name string) {
	path := filepath.Join(r.dir, name)
	data, err := r.l.small(path, r.sum)
	if err != nil {
		return // the level says that it is not in the input
	}
	doc, problems := awsiam.Parse(p.id, data, awsiam.Position{File: path, Line: 1, Column: 1})
	r.l.problems.add(problems...)
	p.doc = doc
}
