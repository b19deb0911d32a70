"""Which words do mail programs build "On … Alice wrote:" from? Tables over some thirty languages, in lower case."""

from __future__ import annotations

WROTE = tuple(
    (
        "wrote|writes|said|says|ha scritto|scrive|scriveva|schrieb|schreibt|geschrieben|schrieben|hat geschrieben|a écrit|a ecrit|"
        "écrivit|écrit|écrivait|nous a dit|escribió|escribio|escribe|ha escrito|escreveu|escreve|ha escrit|va escriure|schreef|"
        "schrijft|geschreven|het volgende geschreven|het volgende verzonden|nadesłał|napisał|napisał(a)|napisał/a|napisała|napisała(a)|napisali|pisze|"
        "wiadomość napisana przez|пишет|написал|написала|написал(а)|написал/а|писал|писала|писал(а)|написав|написала(-в)|"
        "написав(ла)|написав(-ла)|пише|написа|написа(а)|napsal|napsal(a)|napsala|píše|napísal|napísal(a)|napísala|skrev|"
        "skrev följande|skrev følgende|skreiv|skriver|kirjoitti|kirjoittaa|kirjoitti seuraavasti|yazdı|şunu yazdı|şunları yazdı|yazmış|"
        "a scris|írta|ezt írta|a következőt írta|έγραψε|je napisao|je napisala|je napisao/la|napisao je|napisala je|napisao/la je|je napisal|je napisal/a|"
        "napisala|је написао|је написала|је написао/ла|написао је|написала је|skrifaði|escribiu|napisao|kirjutas|rakstīja|rašė|parašė|đã viết|viết|menulis|"
        "כתב/ה|כתב|כתבה|كتب|كتبت|كتب/كتبت|님이 작성|님이 씀|작성|เขียนว่า|نوشت|نوشته"
    ).split("|")
)
"""How one ends, without the colon; some stand inside or in front."""

YOU = (
    "you wrote", "you have written", "schrieben sie", "schriebst du", "hai scritto", "avete scritto", "lei ha scritto", "vous avez écrit", "vous écriviez", "tu as écrit",
    "usted escribió", "você escreveu", "u schreef", "je schreef", "вы писали", "вы написали", "ты писал", "ви писали", "ви написали", "napisałeś", "napsal jste", "napsali jste",
)  # fmt: skip
"""How a program says that it was the reader; it names nobody then, so a quote must stand below."""

IN_FRONT = ("wiadomość napisana przez",)
"""One that stands first, before the name: what is below it is no attribution of its own."""

WROTE_CJK = (
    "写道",
    "寫道",
    "写到",
    "のメール",
    "のメッセージ",
    "は書きました",
    "さんは書きました",
    "書きました",
    "님이 작성",
    "님이 씀",
)
"""The same where no space stands before it."""

ONLY_WITH_ADDRESS = ("のメッセージ",)
"""Of these, what people write above other things too: an address must stand in the line, or a quote below it."""

QUOTING = (
    "quoting ",
    "zitat von ",
    "citando a ",
    "citando ",
    "citazione ",
    "citat från ",
    "quelle ",
    "цитирование ",
    "missatge de ",
)
"""How programs without a date begin."""

OPENINGS = frozenset(
    "on at in il am le el em op w dnia dňa dne den på ma в у во vào 在 於 于 a pe στις στην dana u ve în pada kuupäeval "
    "* no na на d þann o ב- في le: lörd. quando from ในวันที่ เมื่อ در".split()
)
"""First words; else it is a number, a day, or the name of a person."""

GLUE = frozenset(
    (
        "on at in the of by from s am um uhr dem den der de het om heeft volgende op le la à a ao il giorno alle ore h in data el "
        "del las los dia día dans em às as à(s) hs hrs hours hour w dniu dnia o godz godzinie użytkownik użytkownika r г. г р. р года "
        "в у в. о об від од от пользователь користувач время час ч часов dne v ve odesílatel uživatel používateľ používateľka odosielateľ kl klo "
        "kello klockan på den kloka tarihinde tarihli saat date time time: dated time pe la ora στις στην ο η ο/η χρήστης "
        "dana u je je: oseba korisnik korisnica времето pukul tanggal pada vào lúc ngày kuupäeval plkst kell idő időpont időpontban keltezéssel ekkor "
        "เวลา วันที่ น تاریخ ساعت بتاريخ a.m p.m a.m. p.m. am pm μ.μ. π.μ. μμ πμ م ص في الساعة בשעה ב ב- בתאריך 在 于 於 に님 gmt utc cet cest est edt cst cdt mst "
        "mdt pst pdt bst ist msk jst sgt hkt aest aedt wet west eet eest z ut following och og et e y i und and dňa o ať ob d þann ás "
        "pirmd otrd trešd ceturtd piektd sestd svētd lietotājs lietotāja g pr an tr kt pn št sk dl dt dc dj dv ds dg"
    ).split()
)
"""Words between day, month, hour and name that name nobody."""

PARTICLES = frozenset(
    "via von van der den de da di do dos das del della le la el al bin ben ten ter zu zum zur und and y e i och og et & for at of the - – — "
    "| / : + im".split()
)
"""Small letters that belong to names."""

ARTICLES = frozenset(
    "the der die das ein eine il lo la i gli un una le les une el los las o os het een".split()
)
"""Right before a name they make a sentence: `… wrote the technician Teo`."""

PRONOUNS = frozenset(
    "i he she they we me us my our your his her their this that who which mir uns ihm ihnen ihr ihre mein meine unser unsere dein deine er sie wir "
    "mi ci gli suo sua vostro vostra nostro nostra tuo tua me nous vous lui leur mon ma mes notre votre vos son sa ses il elle ils nos su sus mi mis "
    "nuestro nuestra ele ela meu minha seu sua nosso nossa mij ons hij zij wij onze uw jouw mnie nam mu jej jego nasz wasz мне нам ему ей наш ваш он она "
    "мені їй йому mně nám mu náš váš mig oss han hon vår din er vores deres meg minulle meille bana bize".split()
)
"""Nobody is called so: a line with one of them is a sentence."""

FORMAL = frozenset("ihr ihre ihrem ihren ihres unser unsere unserem unseren sie".split())
"""The same, with a capital too."""

_DAYS = (
    "mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday "
    "mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag "
    "lun mar mer gio ven sab dom lunedì martedì mercoledì giovedì venerdì sabato domenica lunedi' martedi' "
    "jeu sam dim lundi mardi mercredi jeudi vendredi samedi dimanche "
    "mié mie jue vie sáb lunes martes miércoles jueves viernes sábado domingo "
    "seg ter qua qui sex segunda terça quarta quinta sexta segunda-feira terça-feira quarta-feira quinta-feira sexta-feira feira "
    "ma di wo woe do vr za zo maandag dinsdag woensdag donderdag vrijdag zaterdag zondag "
    "pn pon wt śr sr czw pt sob nie niedz poniedziałek wtorek środa czwartek piątek sobota niedziela "
    "пн вт ср чт пт сб вс нд понедельник вторник среда среду четверг пятница пятницу суббота субботу воскресенье понеділок вівторок середа "
    "середу пʼятниця п'ятниця пятниця субота неділя "
    "po út st čt pá so ne pondělí úterý středa čtvrtek pátek sobota neděle ut št pi pondelok utorok streda štvrtok piatok nedeľa "
    "mån tis tisd ons tors fre lör sön måndag tisdag onsdag torsdag fredag lördag söndag man tir tirs tor lør søn mandag tirsdag lørdag søndag "
    "ti ke to pe la su maanantai maanantaina tiistai tiistaina keskiviikko keskiviikkona torstai torstaina perjantai perjantaina lauantai "
    "lauantaina sunnuntai sunnuntaina "
    "pzt sal çar per cum cmt paz pazartesi salı çarşamba perşembe cuma cumartesi pazar "
    "h k sze cs p szo v hétfő kedd szerda csütörtök péntek szombat vasárnap "
    "joi vin sâm duminică luni marți miercuri vineri sâmbătă "
    "δευ τρι τετ πεμ παρ σαβ κυρ δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή "
    "пон уто сре чет пет суб нед uto sri čet pet sub ned ponedjeljak utorak srijeda četvrtak petak subota nedjelja "
    "จ อ พ พฤ ศ ส อา شنبه یکشنبه دوشنبه سه‌شنبه چهارشنبه پنجشنبه جمعه الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد "
    "sen sel rab kam jum min 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 周一 周二 周三 周四 周五 周六 周日 星期一 星期二 星期三 星期四 星期五 星期六 星期日 "
    "週一 週二 週三 週四 週五 週六 週日"
)
DAYS = frozenset(_DAYS.split())

_MONTHS = (
    "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september october november december "
    "jän jänner januar februar feber märz mär mrz mai juni juli okt oktober dez dezember "
    "gen mag giu lug ago set ott dic gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre "
    "janv fév févr avr juin juil août déc janvier février mars avril juillet septembre octobre novembre décembre "
    "ene abr enero febrero abril mayo junio julio septiembre setiembre octubre noviembre diciembre "
    "fev out dez janeiro fevereiro março maio junho julho setembro outubro novembro dezembro "
    "mrt mei januari februari maart augustus december "
    "sty lut kwi maj cze lip sie wrz paź lis gru stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia "
    "янв фев февр мар апр мая май июн июл авг сен сент окт ноя нояб дек января февраля марта апреля июня июля августа сентября октября ноября декабря "
    "січ лют бер квіт трав черв лип серп вер верес жовт лист груд січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня берез листоп "
    "led úno bře dub kvě čvn čvc srp zář říj lis pro ledna února března dubna května června července srpna září října listopadu prosince "
    "januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra "
    "augusti oktober maj juni juli tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu tammik helmik maalisk huhtik toukok kesäk "
    "heinäk elok syysk lokak marrask jouluk tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta "
    "marraskuuta joulukuuta "
    "oca şub nis haz tem ağu eyl eki kas ara ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık "
    "márc ápr máj jún júl szept január február március április május június július augusztus szeptember október "
    "ian iun iul noi ianuarie februarie martie aprilie iunie iulie septembrie octombrie noiembrie decembrie "
    "ιαν φεβ μαρ απρ μαΐ μαι ιουν ιουλ αυγ σεπ οκτ νοε δεκ ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου "
    "οκτωβρίου νοεμβρίου δεκεμβρίου "
    "јан феб мар апр мај јун јул авг сеп окт нов дец nóv jún júl maí ágú sij velj ožu tra svi lip srp kol ruj stu pro siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca "
    "thg tháng agu des januari "
    "ม.ค ก.พ มี.ค เม.ย พ.ค มิ.ย ก.ค ส.ค ก.ย ต.ค พ.ย ธ.ค "
    "ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"
)
MONTHS = frozenset(_MONTHS.split())
