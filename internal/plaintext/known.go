package plaintext

import "bytes"

// isLabel reports whether a canonical name is one that forms and records give
// to what they hold. It tells a table whose first column names what is in the
// second from one whose first line names its columns.
func isLabel(name []byte) bool {
	switch string(name[bytes.LastIndexByte(name, ' ')+1:]) {
	case "name", "names", "surname", "firstname", "lastname", "fullname", "nickname", "username", "user", "login", "title",
		"ssn", "sin", "tin", "ein", "itin", "nino", "nhs", "mrn", "npi", "vin", "dni", "nie", "nif", "nhc", "cpf", "pesel", "bsn", "pan", "aadhaar",
		"phone", "telephone", "tel", "mobile", "cell", "fax", "email", "mail", "address", "street", "city", "town", "postcode", "zip", "state", "country", "county",
		"birth", "dob", "birthday", "birthdate", "age", "sex", "gender", "nationality", "citizenship", "occupation", "employer",
		"passport", "license", "licence", "plate", "iban", "bic", "swift", "account", "number", "no", "id", "identifier",
		"card", "cvv", "cvc", "expiry", "expiration", "pin", "patient", "doctor", "physician", "diagnosis", "medication", "allergies", "insurance",
		"nombre", "apellido", "apellidos", "teléfono", "dirección", "domicilio", "correo", "nacimiento", "edad", "sexo",
		"nom", "prénom", "adresse", "téléphone", "naissance", "vorname", "nachname", "geburtsdatum", "anschrift", "telefon", "wohnort",
		"nome", "cognome", "sobrenome", "telefono", "telefone", "indirizzo", "endereço", "nascita", "nascimento", "imię", "nazwisko", "adres",
		"naam", "achternaam", "geboortedatum", "woonplaats":
		return true
	}
	return isSecret(name)
}

// isSecret reports whether a canonical name is that of a password or key, of
// which the last character counts whatever it is.
func isSecret(name []byte) bool {
	switch string(name[bytes.LastIndexByte(name, ' ')+1:]) {
	case "password", "passwd", "passwort", "passphrase", "passcode", "pass", "pwd", "pw", "kennwort", "contraseña", "clave", "passe", "senha", "hasło", "wachtwoord",
		"secret", "token", "key", "apikey", "secretkey", "credential", "credentials":
		return true
	}
	return false
}

// describes reports whether a column headed so tells about the names in the
// column before it, rather than holding what they name.
func describes(name string) bool {
	switch name {
	case "description", "type", "meaning", "notes", "note", "default", "required", "purpose", "example", "format", "explanation", "comment", "usage":
		return true
	}
	return false
}

func holdsValues(name string) bool {
	switch name {
	case "value", "values", "wert", "valor", "valeur", "details", "detail", "answer", "information", "info", "content", "entry", "data":
		return true
	}
	return false
}
