package writ_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readFile(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTheUnitIsHardened: the directives that keep a taken-over Writ in its
// place are there, once each.
func TestTheUnitIsHardened(t *testing.T) {
	lines := strings.Split(readFile(t, "deploy", "systemd", "writ.service"), "\n")
	for _, want := range []string{
		"Type=notify", "DynamicUser=yes", "StateDirectory=writ", "StateDirectoryMode=0700", "UMask=0077", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
		"ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes",
		"ProtectControlGroups=yes", "RestrictNamespaces=yes", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "LockPersonality=yes",
		"MemoryDenyWriteExecute=yes", "SystemCallArchitectures=native", "SystemCallFilter=@system-service", "LimitNOFILE=65536",
	} {
		if n := len(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return l != want })); n != 1 {
			t.Errorf("%s stands there %d times", want, n)
		}
	}
}

// TestTheImagesBinaryIsStatic: the Dockerfile's own build command makes a
// binary that needs nothing of the image it is put into.
func TestTheImagesBinaryIsStatic(t *testing.T) {
	m := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0) go (build .*) -o /writ (\./cmd/writ)$`).FindStringSubmatch(readFile(t, "deploy", "container", "Dockerfile"))
	if m == nil {
		t.Fatal("the Dockerfile has no build command that is known here")
	}
	path := filepath.Join(t.TempDir(), "writ")
	cmd := exec.Command("go", append(strings.Fields(m[2]), "-o", path, m[3])...)
	cmd.Env = append(os.Environ(), m[1])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libs, err := f.ImportedLibraries(); err != nil || len(libs) > 0 {
		t.Errorf("it needs %v (%v)", libs, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a dynamic linker")
		}
	}
	if out, err := exec.Command(path, "version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "writ ") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheImageIsNobodys(t *testing.T) {
	text := readFile(t, "deploy", "container", "Dockerfile")
	last := text[strings.LastIndex(text, "\nFROM "):]
	for _, want := range []string{"USER 65532:65532", "VOLUME /var/lib/writ", "HEALTHCHECK", "ENTRYPOINT", ":nonroot"} {
		if !strings.Contains(last, want) {
			t.Errorf("the image has no %s", want)
		}
	}
	set := readFile(t, "deploy", "kubernetes", "statefulset.yaml")
	for _, want := range []string{"runAsNonRoot: true", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false", "drop: [ALL]", "replicas: 1", "automountServiceAccountToken: false"} {
		if !strings.Contains(set, want) {
			t.Errorf("the manifest has no %q", want)
		}
	}
}

// TestAlertsAndManualNameMetricsThatExist: and every metric is in the manual.
func TestAlertsAndManualNameMetricsThatExist(t *testing.T) {
	name := regexp.MustCompile(`\bwrit_[a-z_]+`)
	exist := make(map[string]bool)
	for _, file := range []string{"internal/metrics/metrics.go", "cmd/writ/gauges.go"} {
		for _, m := range regexp.MustCompile(`"(writ_[a-z_]+)"`).FindAllStringSubmatch(readFile(t, file), -1) {
			exist[m[1]] = true
		}
	}
	manual := readFile(t, "docs", "operate.md")
	for _, text := range []string{readFile(t, "deploy", "prometheus", "writ.rules.yaml"), manual} {
		for _, n := range name.FindAllString(text, -1) {
			if base := strings.TrimSuffix(n, "_bucket"); !exist[base] && base != "writ_" {
				t.Errorf("%s does not exist", n)
			}
		}
	}
	for n := range exist {
		if !strings.Contains(manual, "`"+n) {
			t.Errorf("%s is not in docs/operate.md", n)
		}
	}
}
