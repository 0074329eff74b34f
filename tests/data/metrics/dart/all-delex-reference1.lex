



















































































































































































































































































































ab klink was born in stellendam , netherlands .
albert jennings fountain was a member of the union army .


stanislaw tillich is a leader of germany .
alaa abdul zahra plays for sanat mes kerman fc .
gabor kubatov is the chairman of ferencvarosi tc .
aleksandra kovač performs soul music .
hip hop music has its origins in funk .
a storrs discovered 107 camilla .
abner w . sibal served in the united states army , which fought in the korean war .
alfred n . phillips was born in connecticut and worked at the united states house of representatives .
alan martin plays football for hamilton academical f . c and leeds united f . c .
the birth place of abradab is poland , in katowice .
anders osborne performs rhythm and blues music and is signed to shanachie records .
1097 vicia has a periapsis of 279142000000 and an epoch date of 31st december 2006 .
alvis speed 25 has a straight - six engine and has a transmission system comprising a single plate clutch , separate 4 - speed gearbox all - silent and all - syncromesh , centre change lever , open tubular propellor shaft with metal joints and spiral bevel fully floating back axle .
abdul taib mahmud was born and lives in the kingdom of sarawak and is a member of the " barisan ra ' ayat jati sarawak " party .
albert jennings fountain was born in staten island , new york and also died in the us .
101 helena ; has a mass of 3 . 0 kgs , an escape velocity of 0 . 0348 kilometres per second , and an apoapsis of 441092000 . 0 kilometres .
aaron turner is a singer and black metal musician . death metal is a musical fusion of black metal .
musician andrew white ' s genre is alternative rock which originated from new wave music . nu metal is a music fusion genre of alternative rock .
the abarth 1000 gt coupe is a 2 door coupe which is 1 . 55m wide with a wheelbase of 2160mm .
the ariane 5 was launched at ela - 3 at the guiana space centre . the guiana space centre has its headquarters in french guiana .
footballer alessio romagnoli , who represented italy at under 16 level , plays for c milan , where the manager is siniša mihajlović .
akeem ayers ; was born on 10th july 1989 , made his debut for the tennessee titans and used to play for the st . louis rams .
1923 oaa907 xc is the original name of 1001 gaussia , which was discovered by sergey belyavsky and has an epoch date of june 27th 2015 . its periapsis measures 419113394 . 55312 kilometres .
the alco rs - 3 was built by the montreal locomotive works and produced between may 1950 and august 1956 . it has a v12 engine and a diesel - electric transmission .
august horch founded audi , which makes the audi a1 . audi e - tron is a division of audi and the company ducati is owned by them .
pop musician and solo singer aleksandra kovač was born 1972 , in belgrade .
allen forrest performs hip hop music , which has its stylistic origins in disco and funk . drum and bass is a derivative of hip hop .
agnes kant is a national of the netherlands where mark rutte is a leader . kant is also a member of the socialist party and worked at the house of representatives in the netherlands .
carnival corporation & amp ; plc is the parent company of costa crociere which is the owner of the aidastella . the aidastella was built by meyer werft and is operated by aida cruises which is based in germany .
the builder of the a - rosa is neptun werft whose hq is in rostock , germany . berlin is the capital in that country and joachim gauck is the name of one of its leaders .
107 camilla , epoch date 31 december 2006 , was discovered by c woods and has an orbital period of 2368 . 05 days . the apoapsis and periapsis measurements are 560937000 . 0 km and 479343000 . 0 km respectively .
born on 1891 - 05 - 20 , born in mendoza , argentina , alberto teisaire , was a rear admiral by profession . he worked as the provisional president of the argentine senate and his successor was isaac rojas .
alfred garth jones was born in manchester and passed away in sidcup , london . the labour party is the leader of manchester . the european parliament is the leader of london .
alfredo zitarrosa died in montevideo , the leader of which , is daniel martinez . montevideo is in uruguay , where spanish is the language and where raúl fernando sendic rodríguez is the leader .
13 / 31 is the runway name for atlantic city international airport .
construction of the 320 south boston building began in 1910 .
the leader of the united kingdom is elizabeth ii .
faber and faber publish the secret scripture .
sergio mattarella is the leader of italy .
elliot see died on the 28th of february 1966 .
the area code for antioch , california is 925 .
arròs negre is from the catalonia region .
malaysian malay is an ethnic group in malaysia .
atlantic city is part of atlantic county , new jersey , in the united states .
baked alaska , a united states dish , includes the ingredient meringue .
agra airport is located in uttar pradesh , which is part of awadh .
jorge humberto rodriguez , manager of a d isidro metapan , plays for fc dallas .
a long long way which has the oclc number 57392246 , was published in print & amp ; paperback .
the character , april o ' neil , was created by peter laird , a united states national .
the architect george richard pain completed adare manor in 1862 .

the united states are home to asian americans as well as where " a wizard of mars " was published . washington d . c . is the capital .
massimo drago ' s club is the s . s . chieti calcio , he also manages a . c . cesena and was once a player for us castrovillari calcio .
amdavad ni gufa is located in ahmedebad , gujarat . the leader of gujurat was anandiben patel .
attica , fountain county , indiana is in the united states : where washington , d . c . . is the capital .
atlantic city international airport is in egg harbor township , atlantic county , new jersey , united states .
sponge cake is an ingredient of baked alaska which is claimed to come from france and new york .
batchoy is a dish from the philippines , where igorot people are part of one of the ethnic groups and where one of the languages spoken is arabic .
dublin is part of leinster and a city in the republic of ireland . dublin is also home to the 3arena which is currently owned by live nation entertainment .
the atatürk monument in izmir is made of bronze , is located in turkey , which is led by ahmet davutoglu and has ankara as its capital .
albuquerque is in new mexico , in the united states , where one of the ethnic groups is asian americans . the new mexico senate leads albuquerque and john sánchez is one of the leaders .
peter stöger is at the fk austria wien club and is in the sk vorwärts steyr club , a player in fc admira wacker mödling , and is the manager of fc kolin .
al - taqaddum air base serves the city of fallujah in iraq . the leader of the country is haider al - abadi and the kurdish language is spoken .
a wizard of mars was published in the united states where the leader is barack obama . it is published in english which is the language spoken in great britain .
arrabbiata sauce can be found in italy , the capital of which is rome . pietro grasso and sergio mattarella are leaders of the country .
beef kway teow is found in indonesia and singapore . halimah yacob is a leader of standard chinese speaking singapore .
1634 : the ram rebellion is an american novel and is preceded by 1634 : the galileo affair . the capital of the us is washington d . c . and the previous leader was barack obama , one ethnic group in the country is asian american .
auburn is part of lee county , in alabama , in the united states . this country , has washington d . c . as the capital , and native americans as one of the ethnic groups .
gus poyet is the manager of aek athens who play at their home ground of the olympic stadium ( athens ) at marousi . he previously played for chelsea fc and is associated with real zaragoza fc .
amatriciana sauce can be found in italy , where the speak italian , the capital is rome and their leaders are matteo renzi and laura boldrini .
al asad airbase is operated by the united states air force which was involved in the 1986 united states bombing of libya . some of the air force ' s aircraft are the lockheed ac - 130 ( an attack aircraft ) , boeing c - 17 globemaster iii ( transport aircraft ) and the general dynamics f - 16 fighting falcon ( aircraft fighter ) .
bill marriott is the key person of marriott international which was founded in washington dc and is the tenant of the ac hotel bella sky in copenhagen , denmark . one of the languages spoken in the country is greenlandic .
buzz aldrin was born january 20 , 1930 in glen ridge , new jersey . he graduated from m . i . t . with a sc . d in 1963 , and served as a crew member aboard nasa ' s apollo 11 , william anders was a backup pilot on the same mission .

adam holloway resided in gravesend .
allan shivers was succeeded by price daniel .
the operator of aidastella is aida cruises .

abel hernandez plays for the uruguay national football team .
aleksandre guruli ' s club is fc samtredia .
aaron deer is signed to the record label kill rock stars .
allen forrest was a pop artist .
the absolute magnitude of ( 410777 ) 2009 fd is 22 . 1 .
31 december 2006 is the epoch of 110 lydia .
airey neave fought in the battle of france , the battle where hugo sperrle was the commander .
abel hernandez has played for the club peñarol which is managed by jorge orosmán da silva .
alex tyus has played in the turkish basketball super league and has also represented the club maccabi tel aviv bc .
alex day performs synthpop music which has its stylistic origin in new wave music .

aida cruises is located in germany and is operated by aidastella .
the final flight of atlas ii , which has a diameter of 3 . 04m , was on 16 march 1998 .
leon trotsky was a commander in the polish soviet war in which adam koc was also involved . koc was born in congress , poland .
abraham lincoln was a commander in the american civil war , where us born albert jennings fountain fought .
weighing 7 . 5kgs , 109 felicitas , has an epoch date of december 31st 2006 , and its orbital period is , 139705000 . 0 .
aleksandra kovač , a performer of pop music , is associated with the musical artists bebi dol and kornelije kovač .
aaron bertram plays for the suburban legends band and performs ska punk music , which has its origins in ska .
the antares rocket , manufactured at the yuzhnoye design office , is relative to the united states based , delta ii .
akeem ayers , whose former team was the los angeles rams , was in draft round 2 and his draft pick number was 39 .
aleksandr chumakov plays for fc torpedo moscow who are managed by valery petrakov and played in the 2014 - 15 russian premier league .
aleksandre guruli was born in batumi and he is 1 . 78m tall . he has played for fc karpaty lviv and fc zestafoni .
1089 tama , with the epoch date november 26th 2011 , has an escape velocity of 0 . 0068 kmps . it orbital period is 1202 . 846 days and it has an apoapsis of 373513000 . 0 ( kilometres ) .
the fiat croma , saab 9000 and alfa romeo 164 are all cars and therefore are related forms of transportation . the alfa romeo 164 , has a v6 engine and its assembly line is in italy .
americans live in the u . s . whose capital is washington , d . c . and an ethnic group there is known as african americans . the atlas ii comes from the u . s .
previously signed to the record label fruits de mer records , jazz musician , alison o ' donnell is signed with the london based , record label , deram records .
japanese occupied , british borneo , was the birthplace of adenan satem , who succeeded abdul taib mahmud . abdul taid mahmud is a member of barisan ra ' ayat jati sarawak party and resides in sarawak .
albert jennings fountain was born in new york on staten island and died in new mexico territory .
the antares rocket ' s maiden flight was on the 28th october 2014 and its last flight on 2014 - 07 - 13 . its launch site was the mid - atlantic regional spaceport launch pad 0 . it is manufactured at the yuzhnoye design office and is 3 . 9 m in diameter .
aleksandr prydnikov belongs to fc terek grozny , which is managed by rashid rakhimov , and has its grounds at grozny . prudnikov plays for fc spartak moscow , which includes chairman sergey rodionov .
abraham a ribicoff was an american national born in connecticut . he was a member of the united states democratic party and held the office of governor of connecticut before he died in the us .
aaron turner came from the u . s . he is a black metal musician who started performing in 1995 . he plays in the lotus eaters band having previously performed with old man gloom .
andrew rayel is associated with a number of musical artists , these include : armin van buuren , bobina , mark sixma , jonathan mendelsohn , christian burns , jwaydan , alexander popov , jano , alexandre bergheau , jonny rose , sylvia tosun , lira yin , and alexandra badoi . his musical genre is trance music which has its stylistic origins in pop .
the blue spice pub , near crowne plaza hotel , has a customer rating of 5 out of 5 .
blue spice , a kid - friendly restaurant near the rainbow vegetarian café in the riverside area , is a place where one can order chinese food .
for a coffee shop near the rice boat , try cocum .
giraffe is a pub and fast food place that is not family - friendly near the rainbow vegetarian café in the city centre .
giraffe is a non - family friendly restaurant located near rainbow vegetarian café .

the green man is a restaurant located next to express by holiday inn . the green man is a non family friendly restaurant .
the strada is a city centre area pub .



the cricketers is a restaurant that serves chinese food with a cheap price range , a 5 out 5 star customer rating , and is also kid friendly located near all bar one in the city centre .

the cricketers located in the city centre near all bar one is not kid friendly , but has a customer rating of 3 out of 5 a restaurant serving chinese cuisine with a moderate price range .

a high priced english restaurant , the cricketers near the city centre ' s café rouge had achieved a poor rating from its customers and isn ' t child friendly .
the cricketers restaurant near express by holiday inn is a high end experience for the entire family .

the mill pub has a good offer on soft drinks , potato fries and burgers . the quality is all right for the money and it is a family friendly local , nearby café sicilia .
the mill is a fast food pub that ' s kid friendly where you can eat for under £ 25 and is located near raja indian cuisine in riverside


the mill is a pub located near raja indian cuisine at riverside providing fast food . its price range is £ 20 - 25 and it is kids friendly .

the riverside area near café rouge has a restaurant that is kids - friendly . it has a price range in the mill . i give the food a 3 out of 5 .

located in riverside near café rouge the mill restaurant , in the moderate price range , they serve english food . they are not kid friendly they have 1 out of 5 customer rating .




the phoenix is a moderately priced pub in the city centre near raja indian cuisine . it is not family - friendly but they serve fast food .
the phoenix is not kid friendly . it is located near crowne plaza hotel in city centre . it is a french pub that has a 1 out of 5 rating .
for a cheap pub offering french food , try the phoenix . it is located in the city centre , near crowne plaza hotel , and has a customer rating of 5 out of 5 .
the phoenix is a pub . it has a moderate price range and it sells french food . it is kids friendly and has a 1 out of 5 rating . it is in the city centre near crowne plaza hotel .

there ' s a pub named the phoenix by raja indian cuisine . it ' s a dine in at a high price .
the phoenix is a pub and is expensive price ranged . it is located close to crowne plaza hotel .
the phoenix , a restaurant with fast food , near raja indian cuisine , on the riverside is family friendly and less than 20 euros
the phoenix , located riverside near crowne plaza hotel is an adult friendly restaurant . it serves great , cheap indian food .


the plough is a cheap chinese restaurant located riverside by raja indian cuisine . it is a family friendly establishment .

the punter is an english pub that is located in the city centre . it is near raja indian cuisine . it has a high price range , and it is not family - friendly .

the punter is a restaurant type restaurant located in the city centre with a high price , with a bad kids friendly atmosphere . it offers english food and is located near raja indian cuisine .
for cheap indian food with an average satisfaction rating try the punter , they are a family friendly restaurant . they are near express by holiday inn in the city center .
the punter , a low - rated restaurant , serves indian food in the low price range . customers say it is not family friendly and it can be found near the city centre and express by holiday inn .
the punter is a restaurant providing indian food in the more than £ 30 price range . it is located in the city centre . it is near express by holiday inn . its customer rating is high .
the punter is a cheap , non family - friendly , restaurant located in the city centre near rainbow vegetarian café . they serve italian and have an average customer rating .



the vaults is a moderately priced pub . it is kids friendly and serves french food , it is located in the city centre near raja indian cuisine .
the vaults is a pricey , family friendly italian pub in the city centre , near rainbow vegetarian café . it ' s rated 3 out of 5 .


a 5 out of 5 rated , cheap japanese pub is called the vaults . it is in the riverside area near raja indian cuisine and isn ' t family - friendly .
there is a japanese pub called the vaults located near raja indian cuisine in the riverside area . it has a price range of less than 20 pounds and a low customer rating . it is also family - friendly .
the vaults , located near raja indian cuisine and the riverside , is a high priced , high quality pub that provides sushi . it is family friendly .

the vaults restaurant serves french food in the city centre near raja indian cuisine and is moderately priced

the riverside area has a pub called the waterman which offers a pub and indian food . it is located near the raja indian cuisine . prices are in the high range . it is not child friendly .
the waterman is a pub that also serves italian at a high price range and is not children friendly , it is located in riverside near raja indian cuisine .

located in the city centre near raja indian cuisine is an adult restaurant called the waterman . this high priced restaurant serves italian food .


there is a friendly for kids pub called the wrestlers which provides japanese food in the moderate prices . it is situated in the city centre near to the raja indian cuisine with 1 out of 5 customer rating .

when in the center of the city you must try the wrestlers with your family . it is a restaurant that serves italian food at a fair price . it ' s located near raja indian cuisine .
a restaurant that the wrestlers eat at , with a moderate price range , serves japanese cuisine , but is not kid friendly and is located near raja indian cuisine in the city centre area .
the wrestlers restaurant is located near raja indian cuisine . it is in the average price range .
wildwood is a pub serving italian food . it is not family friendly . it is based in the riverside area near raja indian cuisine .
a restaurantpe that serves italian food located at riverside near raja indian cuisine and is not kid friendly is wildwood .
