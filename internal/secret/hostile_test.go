package secret

import (
	"fmt"
	"strings"
)

// hostile are texts of 16 KiB made to cost as much as they can: keywords
// without values, values without end, and everything at once.
func hostile() map[string]string {
	r := values(7)
	words := []string{"password", "token", "secret", "key", "api", "adafruit", "akia", "sk-", "ghp_", "eyj", "://", "bearer", "curl", "facebook", "sourcegraph", "auth", "pass"}
	prefixes := []string{"ghp_", "sk-ant-api03-", "xoxp-", "AKIA", "glpat-", "hf_", "SG.", "EAAA", "v1.0-", "T3BlbkFJ", "hvs.", "ops_eyJ"}
	out := map[string]string{
		"keys": fill(func() string { return fmt.Sprintf("api_key = %q\n", r.text(alnum, 32)) }),
		"soup": fill(func() string { return words[r.Intn(len(words))] + " "[:r.Intn(2)] }),
		"names": fill(func() string {
			return words[r.Intn(len(words))] + "_" + words[r.Intn(len(words))] + "=" + r.text(alnum, 8+r.Intn(30)) + " "
		}),
		"tokens": fill(func() string { return prefixes[r.Intn(len(prefixes))] + r.text(alnum, r.Intn(60)) }),
		"jwts":   fill(func() string { return "eyJhbGciOi" + r.text(alnum, 40) + "." }),
		"ids":    fill(func() string { return "AKIA" + strings.ToUpper(r.text(alnum, 16)) + " " + r.text(base64s, 40) + " " }),
	}
	for _, unit := range []string{"-", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----;", "curl -H x\n-u a:b", "curl ", "a://b:c://d@", "a://b:@", "facebook sourcegraph discord kind: secret data: ",
		"sk-proj-", "sk-ant-", "glpat-", "AKIA", "akia ", "eyJ", "eyJhbGciOiJIUzI1NiJ9.", "cookie:a=", "cookie:", "authorization=", "authorization:", "bearer ", "basic YTpi", "basic ", "token=", "token_", "password:", "password: \"", "password is ",
		"password for ", "hooks.slack.com/services/", "webhookb2", "kraken=", "yandex=t1.", "\"password\":\"\",", "$6$", "$2b$12$", ":5432:a:b:", "sig=", "secret=", "AccountKey=", "pat-na1-", "https://a.supabase.co", "0", "ey.", "a.b.c.", "token is token is ", "fio-u-", "age=-secret-key-1", "twitterpwd pwd='", "snyk:aa\nsnyk='", "insert into a (password) values (1,", "create table a (", "password: otter\n", "user=", "<password ", "sshpass ", "db.auth(", "chpasswd", ":aa ", "]:25 ", "@tcp(", "a_live_", "rootpw ", "password 7 ", "token=" + strings.Repeat(")", 500) + " ", "password " + strings.Repeat("for ", 12)} {
		out[unit] = fill(func() string { return unit })
	}
	return out
}

func fill(next func() string) string {
	var b strings.Builder
	for b.Len() < 16<<10 {
		b.WriteString(next())
	}
	return b.String()
}
