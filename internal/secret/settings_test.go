package secret

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
)

// each is marked for every text, with lines for \n.
func each(t *testing.T, entity dataclass.Entity, texts ...string) {
	t.Helper()
	for _, text := range texts {
		marked(t, entity, text)
	}
}

func none(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if got := counted(t, text); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}

// TestAWordIsAPasswordAmongTheSettingsOfAConnection: and a label in the list of
// labels that it stands in.
func TestAWordIsAPasswordAmongTheSettingsOfAConnection(t *testing.T) {
	each(t, dataclass.Password,
		"host: db.example.net\nuser: shop\npassword: «wombat»\n", `{"host": "ftp.example.net", "port": 21, "user": "shop", "password": "«Wombat»"}`, `{"login":"shop","passwd":"«frog»","target":"10.1.2.3"}`,
		"<Host>ftp.example.net</Host>\n<User>shop</User>\n<Pass>«wombat»</Pass>", "hostname smtp.example.net:587\nusername \"shop\"\npassword \"«frog»\"\n", "machine ftp.example.net login shop password «wombat»\n",
		"machine ftp.example.net\n  login shop\n  password «frogs»\n", "'USER': 'shop',\n'PASSWORD': '«wombat»',\n'HOST': '10.1.2.3',", "user = shop\npassword = «frog»\n", "Host: ftp.example.net\nUser: shop\nPass: «wombat»", "Host ftp.example.net\nPass «wombat»\n",
	)
	none(t,
		`{"username": "Benutzername", "password": "Passwort", "host": "Rechner"}`, `{"username": "Nom", "password": "Secret", "port": "Port"}`, "user: string\npassword: string\n", "host: db.example.net\npassword: ${PW}\n",
		"host: db.example.net\nuser: shop\npassword: \"\"\n", "The user shop forgot the password entirely\n", "login page: password field\n", "user = get_user()\npassword = get_password()\n", "`username` and `password` parts",
	)
}

// TestTheNameOfAPasswordSpeaksForAWord: where it says what the password is of,
// or stands alone in its line.
func TestTheNameOfAPasswordSpeaksForAWord(t *testing.T) {
	each(t, dataclass.Password,
		"MYSQL_ROOT_PASSWORD: «wombat»\n", "adminPassword: «wombat»\n", "ansible_become_pass: '«wombat»'", `"userPassword": "«wombat»"`, "spring.mail.password=«frog»\n", "smtppass = '«frog»'", "ldap_bind_password = «wombat»\n", "password = «frog»\n", "$cfg['db']['password'] = '«frog»';",
		"password: «wombat»\n", "\"password\": \"«wombat»\",", "sudo_password: «wombat»", "-storepass «frog77» -alias x", "openssl rsa -passin pass:«frog77» -in k",
	)
	none(t, "login.password=Wachtwoord", "login.password=Lozinka", "confirmPassword: wiederholen\n", "PASS: TestReads2 (0.1s)", "--- PASS: TestReads/empty_2", "pass -> fail", "password_maps = hash:/etc/relay", "adminPassword: Secret;")
}

// TestCodeThatHandlesPasswordsHoldsNone: names, types, comparisons, calls.
func TestCodeThatHandlesPasswordsHoldsNone(t *testing.T) {
	none(t,
		"password = models.CharField(max_length=128)", "def f(self, name, password, scope=None):", "for k in ('user', 'password', 'scope1'):", `{"type": "password", "name": "field1"}`, `{"random_password", "instances1": 2}`, "if len(password) > 1023:", "password: Optional[str1]",
		"pass := &analysis.Pass{", "pw->pw_name1", "$pw->shell2", "x.password||(e=x.y1)", "(?:password|token1)=", "password *uint16", "key := x25519PrivateKey", "keyHex: testX25519PrivateKeyHex,", "PasswordLength uint32", "$(pwd):/build1", "rw.readerPass += uint32(r)", "pwd.getpwnam('nobody1')",
		`f.FindPassword("test11")`, "<label for=\"pwd\">x</label><input name=\"password\" autocomplete=\"current-1\">", "{user}{password}@{netloc1}", "password:\n  return f1", "Read-Host \"Password\" -AsSecureString", "<password>@proxy1\"", "self.pass_helper1 = self._wrap1(callback)",
		`<xs:element name="password" type="xs:string1"/>`, `<add key="PasswordFormat" value="Hashed1"/>`, `<string name="password">Server1 password</string>`, `<password type="x1"/>`,
	)
}

func TestMarkupGivesValues(t *testing.T) {
	each(t, dataclass.Password,
		`<Pass encoding="base64">«V29tYmF0Nzc=»</Pass>`, `<add key="SmtpPassword" value="«frog»"/>`, `<property name="db.password" value="«wombat»"/>`, `<property name="hibernate.connection.password">«wombat77»</property>`, "<key>Password</key>\n<string>«frog»</string>", "<Password><Value>«frog77»</Value></Password>", `<user name="x" password="«frog»"/>`,
	)
	marked(t, dataclass.Password, "<password>«{"+values(31).text(base64s, 44)+"}»</password>")
	marked(t, dataclass.Secret, "<key>ApiToken</key><string>«"+values(32).text(alnum, 32)+"»</string>")
}

func TestDirectives(t *testing.T) {
	each(t, dataclass.Password,
		"bindpw «wombat»\n", "rootpw «frog»\n", "requirepass «wombat77»\n", "redis-server --requirepass «frogs»", "rocommunity «wombat» 10.0.0.0/8\n", "snmp-server community «wombat» RO\n", "set snmp community «wombat» authorization read-only;", "com2sec local localhost «wombat»\n", "enable secret «frog77»\n",
		"enable password 7 «0822455D0A16»\n", "username x password 0 «wombat»\n", "radius-server host 10.1.1.1 key «wombat»\n", "tacacs-server key 7 «0822455D0A16»\n", "crypto isakmp key «wombat» address 10.0.0.1\n", "/msg NickServ identify «wombat»", "[smtp.example.net]:587 x@example.net:«wombat»",
	)
	none(t, "# requirepass foobared\n", "bindpw secret manager for all of us", "enable secret rotation\n", "the snmp community is large", "password 7 times\n", "rootpw {{ pw }}\n", "key 7 of 12 is lost", "[smtp.example.net]:587 open:")
}

func TestCommandLines(t *testing.T) {
	each(t, dataclass.Password,
		"echo «frog77» | sudo -S true", "echo \"root:«wombat»\" | chpasswd", "ENV PGPASSWORD «wombat»\n",
		"mysql -u root -p«wombat» shop", "sshpass -p '«wombat»' ssh x", "docker login -u x -p «wombat» r.example.net", "lftp -u x,«wombat» h", "ldapsearch -x -w «wombat» -b dc=x", "sqlcmd -S h -U sa -P «wombat»", "net use Z: \\\\h\\s /user:x «wombat»", "smbclient //h/s -U x%«wombat»", "redis-cli -a «wombat» ping",
	)
	none(t, "mysql -u root -p shop", "mysql -uroot -p$PW shop", "sshpass -f ~/.pw ssh x", "docker login -u x --password-stdin", "docker run -p 8080:80 x", "docker login -p \"$TOKEN\" r", "ssh -p 2222 h", "net use Z: \\\\h\\s", "sqlcmd -P ''")
}

func TestCallsThatTakePasswords(t *testing.T) {
	each(t, dataclass.Password,
		"s.login('x@example.net', '«wombat»')", "mysqli_connect($host, 'x', '«wombat»', 'shop')", "new PDO('mysql:host=h;dbname=x', 'root', '«wombat»')", "DriverManager.getConnection(url, \"x\", \"«wombat»\")", "get(url, auth=('x', '«wombat»'))", "ConvertTo-SecureString \"«wombat»\" -AsPlainText", "c.setPassword(\"«frog77»\")", "dsn := \"shop:«wombat»@tcp(10.1.2.3:3306)/x\"", "SET PASSWORD FOR x = PASSWORD('«frog77»');",
	)
	none(t, "addr := \"shop@tcp(h)/x\"", "echo hello | chpasswd", "s.login(user, password)", "s.login('', '')", "mysqli_connect($h, $u, $p, 'shop1')", "get(url, auth=('user', 'pass'))", "s.login('x', getpass1())")
}

// TestRowsOfTables: where the columns are named before the rows, or where the
// table was made.
func TestRowsOfTables(t *testing.T) {
	each(t, dataclass.Password,
		"INSERT INTO users (id, name, password) VALUES (1, 'x', '«wombat»');", "CREATE TABLE `users` (`id` int, `name` varchar(9) DEFAULT '', `password` varchar(9));\nINSERT INTO `users` VALUES (1,'x','«wombat»');",
	)
	none(t, "INSERT INTO users (id, name, mail) VALUES (1, 'x', 'wombat1');", "INSERT INTO users (id, password) VALUES (?, ?)", "CREATE TABLE a (id int, password text);\nINSERT INTO b VALUES (1,'wombat1');", "CREATE TABLE users (password")
}

func TestKeysOfTunnelsAndHashesOfSystems(t *testing.T) {
	d := values(33)
	marked(t, dataclass.Secret, "«-----BEGIN OpenVPN Static key V1-----\n"+d.text(hexes, 32)+"\n"+d.text(hexes, 32)+"\n-----END OpenVPN Static key V1-----»\n")
	each(t, dataclass.Password, "psk=\"«wombat77»\"", "h:*:*:x:«frog77»\n", "jdbc:oracle:thin:x/«wombat»@//h:1521/o")
	marked(t, dataclass.Secret, "//npm.example.net/:_authToken=«"+strings.Join([]string{d.text(hexes, 8), d.text(hexes, 4), d.text(hexes, 4), d.text(hexes, 4), d.text(hexes, 12)}, "-")+"»")
	marked(t, dataclass.Secret, "client x {\n ipaddr = 10.1.2.3\n secret = «frog77»\n}")
}

// TestTokensWithAPrefixOfAnyService: what says what it is needs no rule.
func TestTokensWithAPrefixOfAnyService(t *testing.T) {
	d := values(34)
	marked(t, dataclass.Secret, "use «acme_live_"+d.text(alnum, 40)+"» for it")
	none(t, "get_user_token_by_name", "acme_test_key_"+d.text(hexes, 8), "sbx_apikey_"+d.text(hexes, 40), "the_api_"+strings.Repeat("a", 40))
}

// TestTheCompanyOfEachBlockIsLookedAtOnce: however many ask for it.
func TestTheCompanyOfEachBlockIsLookedAtOnce(t *testing.T) {
	s := scan{text: []byte(strings.Repeat(".", 2*companyBlock) + "host=db.example.net\n" + strings.Repeat("y", 3*companyBlock))}
	for at, want := range map[int]bool{0: false, companyBlock: true, 2 * companyBlock: true, 3 * companyBlock: true, 4 * companyBlock: false, len(s.text): false} {
		for range 2 {
			if got := s.company(at); got != want {
				t.Errorf("at %d: %v", at, got)
			}
		}
	}
}
