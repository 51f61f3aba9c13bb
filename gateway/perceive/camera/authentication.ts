/** The same over RTSP as over HTTP (RFC 2326 section 1.7). */
export { authorize, chooseChallenge, type Challenge, type Credentials } from '../../lib/http-authentication.ts';
