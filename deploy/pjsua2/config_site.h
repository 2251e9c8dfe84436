/* PJSIP as Callfloor needs it: one process carries several hundred calls, and what is recorded
   is in the file within 40 ms, because the answer detector reads the recording while it grows. */

#define PJ_HAS_IPV6                     1
#define PJ_IOQUEUE_MAX_HANDLES          8192
#define PJ_LOG_MAX_LEVEL                4

#define PJSIP_MAX_TSX_COUNT             32767
#define PJSIP_MAX_DIALOG_COUNT          32767
/* By default a request of more than 1,300 bytes leaves over TCP although the trunk is set to UDP, which a carrier that
   listens on UDP only never sees. It is fragmented by IP instead, as every carrier copes with. */
#define PJSIP_DONT_SWITCH_TO_TCP        1

#define PJSUA_MAX_CALLS                 1024
#define PJSUA_MAX_ACC                   256
#define PJSUA_MAX_CONF_PORTS            4096
#define PJSUA_MAX_PLAYERS               1024
#define PJSUA_MAX_RECORDERS             1024

#define PJMEDIA_HAS_VIDEO               0
#define PJMEDIA_SRTP_HAS_DTLS           1
/* 640 bytes are 40 ms of 16 bit audio at 8 kHz. */
#define PJMEDIA_FILE_PORT_BUFSIZE       640
