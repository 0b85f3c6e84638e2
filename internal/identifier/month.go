package identifier

import (
	"strings"
	"sync"
)

// monthNames are the months as dates write them, without accents.
const monthNames = `january february march april may june july august september october november december
jan feb mar apr jun jul aug sep sept oct nov dec
januar jaenner janner februar maerz marz mai juni juli august oktober dezember okt dez mrz
enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre ene abr ago dic
janvier fevrier mars avril juin juillet aout septembre octobre decembre janv fevr avr juil
gennaio febbraio aprile maggio giugno luglio settembre ottobre novembre dicembre gen mag giu lug set ott
janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro fev out
januari februari maart mei augustus oktober mrt
stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia
styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad grudzien
augusti maj tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesakuuta heinakuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik`

var months = sync.OnceValue(func() map[uint64]bool {
	set := make(map[uint64]bool, 160)
	for name := range strings.FieldsSeq(monthNames) {
		set[wordHash(name)] = true
	}
	return set
})

// month is how many bytes at the offset are the name of a month.
func month(b []byte, i int) int {
	h, from := uint64(hashSeed), i
	for i < len(b) && i-from < 16 {
		c := b[i]
		switch {
		case isLetter(c):
			h = (h ^ uint64(c|0x20)) * hashPrime
			i++
			continue
		case c >= 0xC3 && c < 0xE0 && i+1 < len(b):
			h = foldPair(h, c, b[i+1])
			i += 2
			continue
		}
		break
	}
	if i-from < 3 || !months()[h] {
		return 0
	}
	return i - from
}
