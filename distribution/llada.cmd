@echo off
rem LLaDA.java on Windows: llada.jar beside this file, and Java 25 or newer on the PATH. UNTESTED: nobody has run this yet.
chcp 65001 >nul
java -jar "%~dp0llada.jar" %*
exit /b %ERRORLEVEL%
