package text

import "github.com/smtptriage/smtptriage/internal/evidence"

// What systems say in the language of their users. Windows and .NET translate nearly all their messages, the C library of
// Linux those of its error numbers. A phrase here is the part of the message that every version keeps, in lower case.

var (
	refused      = socket(evidence.Refused, "ECONNREFUSED")
	timedOut     = socket(evidence.TimedOut, "ETIMEDOUT")
	wasReset     = socket(evidence.Reset, "ECONNRESET")
	aborted      = socket(evidence.Reset, "ECONNABORTED")
	hostAway     = socket(evidence.Unreachable, "EHOSTUNREACH")
	netAway      = socket(evidence.NoRoute, "ENETUNREACH")
	forbidden    = waiting(evidence.Prohibited, dial)
	unknownHost  = meaning{lookup: nameUnknown}
	noAnswer     = meaning{lookup: resolverFails}
	noDoor       = weak(said(evidence.SaidConnectFailed))
	badCert      = weak(said(evidence.SaidCertificate))
	noSecureDoor = said(evidence.SaidNoStartTLS)
)

// localisedPhrases stand beside those of the English messages.
var localisedPhrases = []phrase{
	// Winsock, by its numbers 10061, 10060, 10054, 10053, 10065, 10051, 10013, 11001, 11002.
	{"zielcomputer die verbindung verweigerte", refused}, // German
	{"ein verbindungsversuch ist fehlgeschlagen, da die gegenstelle", timedOut},
	{"verbindung wurde vom remotehost geschlossen", wasReset},
	{"softwaregesteuert durch den hostcomputer abgebrochen", aborted},
	{"nicht verfügbaren host", hostAway},
	{"nicht verfügbares netzwerk", netAway},
	{"zugriffsrechte des sockets unzulässig", forbidden},
	{"der angegebene host ist unbekannt", unknownHost},
	{"es ist kein solcher host bekannt", unknownHost},
	{"es ist kein derartiger host bekannt", unknownHost},
	{"zeitweiliger fehler bei der auflösung von hostnamen", noAnswer},
	{"l'ordinateur cible l'a expressément refusée", refused}, // French
	{"une tentative de connexion a échoué car le parti connecté n'a pas répondu", timedOut},
	{"dû être fermée par l'hôte distant", wasReset},
	{"a été abandonnée par un logiciel de votre ordinateur hôte", aborted},
	{"un hôte impossible à atteindre", hostAway},
	{"un réseau impossible à atteindre", netAway},
	{"accès à un socket de manière interdite", forbidden},
	{"hôte inconnu", unknownHost},
	{"aucun hôte de ce type n'est connu", unknownHost},
	{"equipo de destino denegó expresamente dicha conexión", refused}, // Spanish
	{"la parte conectada no respondió adecuadamente", timedOut},
	{"interrupción de una conexión existente por el host remoto", wasReset},
	{"anulado una conexión establecida por el software", aborted},
	{"una red no accesible", netAway},
	{"un host no accesible", hostAway},
	{"socket no permitido por sus permisos de acceso", forbidden},
	{"host desconocido", unknownHost},
	{"rifiuto persistente del computer di destinazione", refused}, // Italian
	{"risposta non corretta della parte connessa", timedOut},
	{"interrotta forzatamente dall'host remoto", wasReset},
	{"host sconosciuto", unknownHost},
	{"máquina de destino as recusou ativamente", refused}, // Portuguese
	{"computador de destino as recusou ativamente", refused},
	{"o componente conectado não respondeu", timedOut},
	{"cancelamento de uma conexão existente pelo host remoto", wasReset},
	{"este host não é conhecido", unknownHost},
	{"doelcomputer de verbinding actief heeft geweigerd", refused}, // Dutch
	{"omdat de verbonden partij niet correct heeft geantwoord", timedOut},
	{"geforceerd gesloten door de externe host", wasReset},
	{"deze host is onbekend", unknownHost},
	{"onbekende host", unknownHost},
	{"ponieważ komputer docelowy aktywnie go odmawia", refused}, // Polish
	{"ponieważ połączona strona nie odpowiedziała", timedOut},
	{"zamknięte przez zdalnego hosta", wasReset},
	{"nieznany host", unknownHost},
	{"конечный компьютер отверг запрос на подключение", refused}, // Russian
	{"за требуемое время не получен нужный отклик", timedOut},
	{"удаленный хост принудительно разорвал", wasReset},
	{"этот хост неизвестен", unknownHost},
	{"cílový počítač je aktivně odmítl", refused},         // Czech
	{"måldatorn aktivt nekade det", refused},              // Swedish
	{"hedef makine etkin olarak reddettiğinden", refused}, // Turkish
	{"対象のコンピューターによって拒否された", refused},                      // Japanese
	{"対象のコンピュータによって拒否された", refused},
	{"一定の時間を過ぎても正しく応答しなかった", timedOut},
	{"リモート ホストに強制的に切断されました", wasReset},
	{"そのようなホストは不明です", unknownHost},
	{"目标计算机积极拒绝", refused}, // Chinese
	{"目標電腦拒絕連線", refused},
	{"连接方在一段时间后没有正确答复", timedOut},
	{"連線對象有一段時間並未正確回應", timedOut},
	{"远程主机强迫关闭了一个现有的连接", wasReset},
	{"遠端主機已強制關閉一個現存的連線", wasReset},
	{"不知道这样的主机", unknownHost},
	{"無法識別這台主機", unknownHost},
	{"대상 컴퓨터에서 연결을 거부했", refused}, // Korean
	{"연결된 구성원으로부터 응답이 없어", timedOut},
	{"원격 호스트에 의해 강제로 끊겼", wasReset},
	{"알려진 호스트가 없습니다", unknownHost},

	// .NET: WebException, AuthenticationException, SmtpException.
	{"der remotename konnte nicht aufgelöst werden", unknownHost},
	{"le nom distant n'a pas pu être résolu", unknownHost},
	{"no se puede resolver el nombre remoto", unknownHost},
	{"no se pudo resolver el nombre remoto", unknownHost},
	{"impossibile risolvere il nome remoto", unknownHost},
	{"o nome remoto não pôde ser resolvido", unknownHost},
	{"не удается разрешить удаленное имя", unknownHost},
	{"невозможно разрешить удаленное имя", unknownHost},
	{"リモート名を解決できませんでした", unknownHost},
	{"未能解析此远程名称", unknownHost},
	{"verbindung mit dem remoteserver kann nicht hergestellt werden", noDoor},
	{"impossible de se connecter au serveur distant", noDoor},
	{"no es posible conectar con el servidor remoto", noDoor},
	{"impossibile effettuare la connessione al server remoto", noDoor},
	{"невозможно соединиться с удаленным сервером", noDoor},
	{"リモート サーバーに接続できません", noDoor},
	{"无法连接到远程服务器", noDoor},
	{"fehler beim senden von mail", noDoor},
	{"fehler beim senden der e-mail", noDoor},
	{"échec d'envoi de courrier", noDoor},
	{"error al enviar correo", noDoor},
	{"errore nell'invio della posta", noDoor},
	{"сбой при отправке сообщения электронной почты", noDoor},
	{"メールを送信できませんでした", noDoor},
	{"发送邮件失败", noDoor},
	{"remotezertifikat ist laut validierungsverfahren ungültig", badCert},
	{"remotezertifikat ist ungültig", badCert},
	{"le certificat distant n'est pas valide", badCert},
	{"certificat distant non valide", badCert},
	{"el certificado remoto no es válido", badCert},
	{"il certificato remoto non è stato ritenuto valido", badCert},
	{"o certificado remoto é inválido", badCert},
	{"удаленный сертификат недействителен", badCert},
	{"リモート証明書は無効です", badCert},
	{"远程证书无效", badCert},
	{"server unterstützt keine sicheren verbindungen", noSecureDoor},
	{"serveur ne prend pas en charge les connexions sécurisées", noSecureDoor},
	{"servidor no admite conexiones seguras", noSecureDoor},
	{"server non supporta connessioni protette", noSecureDoor},
	{"сервер не поддерживает безопасные подключения", noSecureDoor},
	{"サーバーはセキュリティで保護された接続をサポートしていません", noSecureDoor},
	{"服务器不支持安全连接", noSecureDoor},

	// The C library of Linux: ECONNREFUSED, ETIMEDOUT, ECONNRESET, EHOSTUNREACH, ENETUNREACH, and those of getaddrinfo.
	{"verbindungsaufbau abgelehnt", refused},
	{"die wartezeit für die verbindung ist abgelaufen", timedOut},
	{"verbindung wurde vom kommunikationspartner zurückgesetzt", wasReset},
	{"keine route zum zielrechner", hostAway},
	{"das netzwerk ist nicht erreichbar", netAway},
	{"der name oder der dienst ist nicht bekannt", unknownHost},
	{"temporärer fehler bei der namensauflösung", noAnswer},
	{"connexion refusée", refused},
	{"connexion terminée par expiration du délai d'attente", timedOut},
	{"connexion ré-initialisée par le correspondant", wasReset},
	{"aucun chemin d'accès pour atteindre l'hôte cible", hostAway},
	{"le réseau n'est pas accessible", netAway},
	{"nom ou service inconnu", unknownHost},
	{"échec temporaire dans la résolution du nom", noAnswer},
	{"conexión rehusada", refused},
	{"conexión rechazada", refused},
	{"expiró el tiempo de conexión", timedOut},
	{"conexión reinicializada por la máquina remota", wasReset},
	{"no existe ninguna ruta hasta el", hostAway},
	{"la red es inaccesible", netAway},
	{"nombre o servicio desconocido", unknownHost},
	{"fallo temporal en la resolución del nombre", noAnswer},
	{"connessione rifiutata", refused},
	{"connessione scaduta", timedOut},
	{"connessione interrotta dal corrispondente", wasReset},
	{"nessun instradamento per l'host", hostAway},
	{"rete non raggiungibile", netAway},
	{"nome o servizio sconosciuto", unknownHost},
	{"conexão recusada", refused},
	{"tempo esgotado para conexão", timedOut},
	{"conexão fechada pela outra ponta", wasReset},
	{"não há rota para o host", hostAway},
	{"nome ou serviço desconhecido", unknownHost},
	{"в соединении отказано", refused},
	{"время ожидания соединения истекло", timedOut},
	{"соединение разорвано другой стороной", wasReset},
	{"нет маршрута до узла", hostAway},
	{"сеть недоступна", netAway},
	{"имя или служба не известны", unknownHost},
	{"временный сбой в разрешении имен", noAnswer},
	{"połączenie odrzucone", refused},
	{"upłynął limit czasu połączenia", timedOut},
	{"接続を拒否されました", refused},
	{"接続が拒否されました", refused},
	{"接続がタイムアウトしました", timedOut},
	{"接続が相手からリセットされました", wasReset},
	{"ホストへの経路がありません", hostAway},
	{"ネットワークに届きません", netAway},
	{"名前またはサービスが不明です", unknownHost},
	{"名前解決に一時的に失敗しました", noAnswer},
	{"拒绝连接", refused},
	{"连接被拒绝", refused},
	{"连接超时", timedOut},
	{"连接被对方重", wasReset},
	{"没有到主机的路由", hostAway},
	{"网络不可达", netAway},
	{"未知的名称或服务", unknownHost},
}
