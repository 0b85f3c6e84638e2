package secret

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
)

// TestPrivateKeysOfEveryKind: also in one line, and also cut off.
func TestPrivateKeysOfEveryKind(t *testing.T) {
	d := values(4)
	lines := []string{d.text(base64s, 64), d.text(base64s, 64), d.text(base64s, 40) + "="}
	for _, label := range []string{"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"} {
		begin, end := "-----BEGIN "+label+"-----", "-----END "+label+"-----"
		for _, eol := range []string{"\n", "\r\n", `\n`, " ", "\"\n+ \""} {
			marked(t, dataclass.Secret, "key: «"+begin+eol+strings.Join(lines, eol)+eol+end+"»\nafter")
		}
		marked(t, dataclass.Secret, "key: «"+begin+"\n"+lines[0]+"\n"+lines[1]+"»")
		marked(t, dataclass.Secret, "«"+begin+"\nProc-Type: 4,ENCRYPTED\n\n"+lines[0]+"\n"+end+"»")
	}
	marked(t, dataclass.Secret, "PuTTY-User-Key-File-2: ssh-rsa\n«Private-Lines: 2\n"+lines[0]+"\n"+lines[1]+"»\n")
	marked(t, dataclass.Secret, "«---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n"+lines[0]+"\n---- END SSH2 ENCRYPTED PRIVATE KEY ----»")
}

func TestNoPrivateKeyIsFoundInWordsAboutThem(t *testing.T) {
	d := values(4)
	for _, text := range []string{
		"-----BEGIN PRIVATE KEY----- begins a file that holds one", "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
		"-----BEGIN CERTIFICATE-----\n" + d.text(base64s, 64) + "\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\n" + d.text(base64s, 64) + "\n-----END PUBLIC KEY-----",
	} {
		if got := counted(t, text); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}
