package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var manualBlock = regexp.MustCompile("(?ms)^<!-- configuration -->\n```yaml\n(.*?)^```$")

// TestTheManualNamesEveryField: the block in docs/operate.md is accepted as it
// stands, names every field there is, and gives each that has a default that
// default.
func TestTheManualNamesEveryField(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := manualBlock.FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/operate.md has no configuration block")
	}
	shown, err := Parse(block[1])
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := yaml.Unmarshal(block[1], &said); err != nil {
		t.Fatal(err)
	}
	compareManual(t, "", said, reflect.ValueOf(shown), reflect.ValueOf(Default()))
}

func compareManual(t *testing.T, path string, said map[string]any, shown, standard reflect.Value) {
	t.Helper()
	for i := range shown.NumField() {
		if !shown.Type().Field(i).IsExported() {
			continue
		}
		name, _, _ := strings.Cut(shown.Type().Field(i).Tag.Get("yaml"), ",")
		value, ok := said[name]
		if !ok {
			t.Errorf("the manual does not name %s%s", path, name)
			continue
		}
		if inner, nested := value.(map[string]any); nested {
			compareManual(t, path+name+".", inner, shown.Field(i), standard.Field(i))
			continue
		}
		if d := standard.Field(i); !d.IsZero() && !reflect.DeepEqual(shown.Field(i).Interface(), d.Interface()) {
			t.Errorf("the manual gives %s%s as %v, the default is %v", path, name, shown.Field(i), d)
		}
	}
}
