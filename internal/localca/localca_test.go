package localca

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestIssue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Now()
	cert, path, err := Issue(dir, []string{"writ.example.com", "192.0.2.7"}, now)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "writ.example.com", "192.0.2.7"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "bedrock-runtime.us-east-1.amazonaws.com"}); err == nil {
		t.Error("the certificate is good for Bedrock's own name")
	}
	if info, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the CA's key: %v, %v", info, err)
	}
}

func TestCertificatesAreRenewed(t *testing.T) {
	now := time.Now()
	s, _, err := Open(filepath.Join(t.TempDir(), "tls"), nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		c, err := s.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.String()
	}
	first := serial()
	now = now.Add(leafLife / 2)
	if serial() != first {
		t.Error("renewed halfway")
	}
	now = now.Add(leafLife / 3)
	if serial() == first {
		t.Error("not renewed before its end")
	}
}

func TestTheAuthorityIsKeptAndConstrained(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Now()
	_, path, err := Issue(dir, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	if _, _, err := Issue(dir, nil, now); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(path)
	if string(before) != string(after) {
		t.Fatal("a second call made another CA")
	}
	if _, _, err := Issue(dir, []string{"elsewhere.example.com"}, now); err == nil {
		t.Error("the CA vouches for a name it was not made for")
	}
	if _, _, err := Issue(dir, nil, now.Add(11*365*24*time.Hour)); err == nil {
		t.Error("an expired CA issued")
	}
}

// TestACrashLeavesNoHalfCA: whatever a start was interrupted at, files are in
// their places whole, and the next start makes what is missing. That they are on
// disk before they are there is seen by `go run ./faults`, on a disk that
// forgets what was not flushed.
func TestACrashLeavesNoHalfCA(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Issue(dir, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v: want the key and the certificate", files, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "ca.pem")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the CA's certificate: %v, %v", info, err)
	}
	// Interrupted between the two, and in the middle of one.
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem.123"), []byte("-----BEG"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Issue(dir, nil, time.Now()); err != nil {
		t.Errorf("the start after: %v", err)
	}
}
