package secret

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
)

func budget() *dataclass.Budget {
	return &dataclass.Budget{Findings: 1000, Patterns: 1 << 20}
}

func scanned(t testing.TB, text string) []dataclass.Finding {
	t.Helper()
	found, err := Scan(nil, &dataclass.Text{Bytes: []byte(text)}, budget())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// counted are entity and text of the findings that count.
func counted(t testing.TB, text string) []string {
	t.Helper()
	var out []string
	for _, f := range scanned(t, text) {
		if f.Counts() {
			out = append(out, string(f.Entity)+" "+text[f.Start:f.End])
		}
	}
	return out
}

// marked takes a text in which the secret stands in «» and checks that it is
// found, and nothing else.
func marked(t *testing.T, entity dataclass.Entity, text string) {
	t.Helper()
	before, rest, ok := strings.Cut(text, "«")
	secret, after, closed := strings.Cut(rest, "»")
	if !ok || !closed {
		t.Fatalf("%q marks nothing", text)
	}
	if d := cmp.Diff([]string{string(entity) + " " + secret}, counted(t, before+secret+after)); d != "" {
		t.Errorf("%s: %s", text, d)
	}
}

func TestPasswordsInAnySyntax(t *testing.T) {
	for _, text := range []string{
		`my password is «wombat7!»`, `My password: «Blue42fish»`, `password=«opensesame»`, `{"password": "«W0mb4t!»"}`, `{\"password\":\"«abcd12»\"}`, `<password>«abcd1234»</password>`,
		`DB_PASSWORD=«w0mbatpw»`, `define('DB_PASSWORD', '«wp_word_98»');`, `db.setPassword("x"); spring.datasource.password=«Gr33nFrog»`, `Server=db;Uid=sa;Pwd=«Azerty!23»;Timeout=5`,
		`jdbc:mysql://h/db?user=x&password=«Zq8rty34»&ssl=1`, `| password | «Abcd1234» |`, `**Password:** «Abcd1234»`, `mysql -u root --password «frogger22» db`, `login with password «7uW!kV4%gamma».`,
		`set the password to «Summer2031!»`, `The password for the guest network is «Rainy-Day-42».`, `Wi-Fi password "«guest2031»"`, `the passphrase is "«green goose eleven»"`, `String pwd = "«Azerty!23»";`, `password: string = '«Azerty!23»'`,
		`Passwort: «geheim321»`, `Das Kennwort lautet «Fenster99!»`, `mi contraseña es «Gatito2031»`, `Mot de passe : «Lune99x»`, `le mot de passe est «Lune99x».`, `senha: «abcd4321»`, `Hasło: «Kotek987!»`, `hasło to «Zima2031»`,
		`wachtwoord = «fiets1234»`, `密码是«abcd1234»`, `пароль: «abcd1234»`, `ALTER USER x IDENTIFIED BY '«frog22toad»'`,
	} {
		marked(t, dataclass.Password, text)
	}
}

// TestPasswordsAsSystemsKeepThem: files of servers and the hashes in them.
func TestPasswordsAsSystemsKeepThem(t *testing.T) {
	d := values(14)
	for _, text := range []string{
		"db.internal:5432:app:svc:«tr1cky77»\n", "svc:«$apr1$" + d.text(alnum, 8) + "$" + d.text(alnum, 22) + "»\n", "root:«$6$" + d.text(alnum, 8) + "$" + d.text(alnum, 86) + "»:18000:0:99999:7:::",
		"password_hash: «$2b$12$" + d.text(alnum, 53) + "»", "userPassword: «{SSHA}" + d.text(base64s, 32) + "»", "machine h login u password «frog22toad»", "<add name=\"x\" connectionString=\"Server=h;User=u;Password=«tr1cky77»\" />",
	} {
		marked(t, dataclass.Password, text)
	}
}

func TestNoPasswordIsFoundWhereNoneIsTold(t *testing.T) {
	for _, text := range []string{
		"the password is required", "password reset link", "forgot password?", "password: <password>", "password=changeme", "password=${DB_PASS}", "PASSWORD=********", "password: your-password-here", "password = getPassword()",
		"password: string;", "user.password === password", `if password == "" {`, "Password must be at least 12 characters", "password is 12 characters long", "the password is case-sensitive", "password_min_length: 12", `"password": "Passwort"`,
		`password: 'Enter your password'`, "password = os.environ['PW']", "pass the salt, please", "passport 123456789", "bypass=a1b2c3d4e5", "password {{ vault_pw }}", "password: xxxxxxxx", "password = config.database.password", "password (optional)", "password: null",
		"Your password has been reset; your order 4711 is on its way.", "password-protected files", "compass=north123", "passwordless login with FIDO2", `'password' => 'required|min:8'`, "boarding pass: XK39ZQ", "pass: 12/15 tests", "password_digest varchar(255)", "password: !vault |", `password = "\(model.pass1)"`, "pass_through_auth = enabled_v2_2020_01", "cd $PWD/build1", "--password-stdin",
		"PASSWORD: ${{ secrets.X1 }}", "the ski pass to Davos2031", "seat 12A, boarding pass A1B2C3", "Pass: C01X00T47",
	} {
		if got := counted(t, text); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}

func TestTokensBesideTheirNames(t *testing.T) {
	d := values(5)
	for _, text := range []string{
		`api_key = "«K»"`, `"apiKey": "«K»"`, `export SERVICE_TOKEN=«K»`, `X-Auth-Token: «K»`, `/callback?access_token=«K»&state=1`, `client_secret: «K»`, `my api key is «K»`, `SECRET_KEY='«K»'`, `session=«K»; expires=never`,
	} {
		marked(t, dataclass.Secret, strings.Replace(text, "«K»", "«"+d.text(alnum, 36)+"»", 1))
	}
}

func TestNoTokenIsFoundInNames(t *testing.T) {
	d := values(6)
	for _, text := range []string{
		"max_tokens: 4096", `tokenizer = Load("some/model-v2-large")`, `"token_type": "bearer", "expires_in": 3600`, "secret santa list", "the key question is how", "primary_key = user_account_identifier_v2", "key: main.menu.open.file",
		"public_key=" + d.text(alnum, 40), "keyboard = qwerty_us_layout_2", "csrf_token: " + d.text(alnum, 32), "fake_token = " + d.text(alnum, 24), "token: ${{ secrets.DEPLOY_TOKEN_1 }}", "commit " + d.text(hexes, 40), "sha256:" + d.text(hexes, 64),
		"nextPageToken: " + d.text(alnum, 32), "key_id=" + d.text(alnum, 20), "order 1234-5678-9012", "session.execute(select_users_by_id_v2)",
		"s3_key: uploads/2031/03/a1b2c3d4e5f6.png", "<key>BundleShortVersionString2</key>", `key_mapping = "F1_A2_B3_C4_D5_E6"`, "session_id = 550e8400-e29b-41d4-a716-446655440000", "issuerKeyHash=npmjs12ab34cd56ef78", "apiVersion: apps/v1beta2-2021a",
	} {
		if got := counted(t, text); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}

func TestAddressesWithPasswords(t *testing.T) {
	for _, scheme := range []string{"postgres", "postgresql+psycopg2", "mysql", "mongodb+srv", "redis", "amqp", "https", "ftp"} {
		marked(t, dataclass.Password, "connect to "+scheme+"://svc:«tr1cky»@db.internal:5432/x now")
	}
	marked(t, dataclass.Password, "redis://:«tr1cky»@cache:6379/0")
	marked(t, dataclass.Password, "https://a:«p@ss1»@host/x@y")
	for _, text := range []string{"https://example.com:8080/a@b", "https://host/path?mail=a:b@c", "mailto:a@b", "http://user:${PASS}@h", "http://user:<password>@h", "ssh://git@host/x"} {
		if got := counted(t, text); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}

// TestAWSCredentials: AWS's own published example is detected too.
func TestAWSCredentials(t *testing.T) {
	const id, key = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	want := []string{"AWS_ACCESS_KEY " + id, "AWS_SECRET_KEY " + key}
	for _, text := range []string{id + " " + key, "aws_access_key_id=" + id + "\naws_secret_access_key=" + key, `{"AccessKeyId":"` + id + `","SecretAccessKey":"` + key + `"}`} {
		if d := cmp.Diff(want, counted(t, text)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
	d := values(8)
	for _, prefix := range []string{"AKIA", "ASIA", "ABIA", "ACCA"} {
		marked(t, dataclass.AWSAccessKey, "id «"+prefix+strings.ToUpper(d.text(lowers, 16))+"».")
	}
	marked(t, dataclass.Secret, "token «IQoJb3JpZ2lu"+d.text(base64s, 300)+"=» end")
	marked(t, dataclass.Secret, "«ABSK"+d.text(base64s, 120)+"=»")
	marked(t, dataclass.Secret, "«bedrock-api-key-"+d.text(base64s, 200)+"»")
}

func TestHeaders(t *testing.T) {
	d := values(9)
	marked(t, dataclass.Secret, "Authorization: Bearer «"+d.text(alnum, 32)+"»")
	marked(t, dataclass.Secret, "Authorization: Basic «YWRtaW46d29tYmF0Nw==»")
	marked(t, dataclass.Secret, "Set-Cookie: sid=«"+d.text(lowers, 24)+"»; Path=/; HttpOnly")
	for _, text := range []string{"Bearer tokens are short-lived", "basic understanding of cookies: none", "Authorization: required", "Basic YWRtaW4=", "Cookie: theme=dark; lang=en"} {
		if got := counted(t, text); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}

// TestColumnsNameTheirValues: what a text names elsewhere is a name like any.
func TestColumnsNameTheirValues(t *testing.T) {
	text := "user,password,api key,password hint\nbob,w0mbat77," + values(15).text(alnum, 32) + ",w0mbat\n"
	at := strings.Index(text, "bob")
	names, fields := []string{"user", "password", "api key", "password hint"}, []dataclass.Field(nil)
	for i, cell := range strings.Split(strings.TrimSpace(text[at:]), ",") {
		fields = append(fields, dataclass.Field{Start: at, End: at + len(cell), Name: i})
		at += len(cell) + 1
	}
	found, err := Scan(nil, &dataclass.Text{Bytes: []byte(text), Names: names, Fields: fields}, budget())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		got = append(got, string(f.Entity)+" "+f.Cue)
	}
	if d := cmp.Diff([]string{"PASSWORD password", "SECRET api key"}, got); d != "" {
		t.Fatal(d)
	}
}

// TestGitleaksAllowHidesNothing: what tells gitleaks to look away is text like
// any other.
func TestGitleaksAllowHidesNothing(t *testing.T) {
	marked(t, dataclass.Password, "password = «Azerty!23» # gitleaks:allow")
	marked(t, dataclass.Secret, "«ghp_"+values(2).text(alnum, 36)+"» // gitleaks:allow betterleaks:allow")
}

func TestBudgetsStopAndSaySo(t *testing.T) {
	many := strings.Repeat("password = Azerty!23\n", 50)
	b := &dataclass.Budget{Findings: 10, Patterns: 1 << 20}
	found, err := Scan(nil, &dataclass.Text{Bytes: []byte(many)}, b)
	if err != nil || len(found) != 10 || !b.Overspent || b.Findings != 0 {
		t.Fatalf("%d findings, %+v, %v", len(found), *b, err)
	}
	b = &dataclass.Budget{Findings: 10}
	if _, err := Scan(nil, &dataclass.Text{Bytes: []byte("curl -u admin:wombat77 https://x")}, b); err != nil || !b.Overspent {
		t.Fatalf("%+v, %v", *b, err)
	}
	b = &dataclass.Budget{Findings: 10}
	if _, err := Scan(nil, &dataclass.Text{Bytes: []byte("nothing to see")}, b); err != nil || b.Overspent {
		t.Fatalf("%+v, %v", *b, err)
	}
}

// TestFindingsFollowWhatWasFound: dst is kept.
func TestFindingsFollowWhatWasFound(t *testing.T) {
	dst := []dataclass.Finding{{Entity: dataclass.Email, Start: 5, End: 9}}
	got, err := Scan(dst, &dataclass.Text{Bytes: []byte("password = Azerty!23")}, budget())
	if err != nil || len(got) != 2 || got[0] != dst[0] {
		t.Fatalf("%v, %v", got, err)
	}
}

// TestHostileTextIsPutToFewExpressions: what expressions may cost grows with
// the text and no faster.
func TestHostileTextIsPutToFewExpressions(t *testing.T) {
	for name, text := range hostile() {
		b := &dataclass.Budget{Findings: 1000, Patterns: 1 << 30}
		if _, err := Scan(nil, &dataclass.Text{Bytes: []byte(text)}, b); err != nil {
			t.Fatal(err)
		}
		if spent := 1<<30 - b.Patterns; spent > 12*len(text) {
			t.Errorf("%.20q: %d bytes for a text of %d", name, spent, len(text))
		}
	}
}

func check(t *testing.T, text []byte, found []dataclass.Finding) {
	t.Helper()
	last := 0
	for _, f := range found {
		if f.Start < last || f.Start >= f.End || f.End > len(text) {
			t.Fatalf("%+v in a text of %d bytes, after %d", f, len(text), last)
		}
		if utf8.Valid(text) && (!utf8.RuneStart(text[f.Start]) || f.End < len(text) && !utf8.RuneStart(text[f.End])) {
			t.Fatalf("%+v cuts a character", f)
		}
		if !f.Entity.Known() || f.Rule == "" || f.Detector != detector || f.Score < 1 || f.Score > 100 {
			t.Fatalf("%+v says too little", f)
		}
		last = f.End
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"password: ñandú12!", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", "postgres://a:b@c", "curl -u a:bcd x", "Cookie: a=b12345678901", "eyJhbGciOiJIUzI1NiJ9.e30.x", "AKIAIOSFODNN7EXAMPLE", "kind: Secret\ndata:\n  a: aGVsbG93b3JsZA==", "token=\xff\xfe"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := Scan(nil, &dataclass.Text{Bytes: text}, budget())
		if err != nil {
			t.Fatal(err)
		}
		check(t, text, found)
	})
}

// TestOneScanDoesNotRememberAnother: scans are used again.
func TestOneScanDoesNotRememberAnother(t *testing.T) {
	texts := []string{
		"password: hunter2-Blau!", "nothing", "token=Zk3vQ9xL2mT7bW4c and apikey=Zk3vQ9xL2mT7bW4d", "", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "password:", strings.Repeat("api_key = ", 500), "postgres://ines:s3cr3tPw9@db.example.org/app",
	}
	var want [][]dataclass.Finding
	for _, text := range texts {
		want = append(want, scanned(t, text))
	}
	for round := range 3 {
		for i := range texts {
			i = (i*3 + round) % len(texts) // three and the number of texts have no divisor in common
			if d := cmp.Diff(want[i], scanned(t, texts[i])); d != "" {
				t.Errorf("%q: %s", texts[i], d)
			}
		}
	}
}
