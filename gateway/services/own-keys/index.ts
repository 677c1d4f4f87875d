// For people who keep their own keys.
export { KeyLogins, loginText, type Challenge } from './key-logins.js';
export { published, publishedSchema } from './published.js';
export { OwnKeysRegistration } from './registration.js';
