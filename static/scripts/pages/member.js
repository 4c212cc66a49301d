// What runs on every page of somebody who has signed in.
import "../ask.js";
import "../trouble.js";
import "../live.js";
import "../errors.js";
import "../keys.js";
import "../menus.js";

if (document.getElementById("chosen")) import("../choosing.js");
if ("Notification" in window && Notification.permission === "granted") import("../notices.js");
