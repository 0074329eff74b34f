



























































































































































































































































































































hip hop music has its stylistic origins in funk .
the asteroid called 107 camilla was discovered by a . storrs .


alan martin is a footballer who plays for hamilton academical and leeds united football clubs .
abradab was born is katowice , poland .
anders osborne performs rhythm and blues music and his record label is shanachie records .
1097 vicia has a periapsis of 279142000000 , and its epoch is on 13 january 2016 .
alvis speed 25 has a straight - six engine and it ' s transmission system comprises a single plate clutch , separate 4 - speed gearbox all - silent and all - syncromesh , centre change lever , open tubular propellor shaft with metal joints and spiral bevel fully floating back axle .
abdul taid mahmud , a member of barisan ra ' ayat jati sarawak party , was born in kingdom of sarawak and lives in sarawak .
albert jennings fountain was born in staten island , new york and later died in the united states .


the musician andrew white ' s genre is alternative rock , which has origins in new wave music . nu metal is a music fusion genre of alternative rock .
the abarth 1000 gt coupé is 1 . 55 metres wide , has a wheelbase of 2160 millimetres , and the body style is two door coupe .

alessio romagnoli played for the italy national under - 16 football team . he plays for the club a . c . milan which is managed by , siniša mihajlović .
akeem ayers was born july 10th , 1989 and debuted with the tennessee titans . he also played for the st . louis rams at one point .
1001 gaussia , discovered by sergey belyavsky , was formerly known as 1923 oaa907 xc . this asteroid , has an epoch on 31 july 2016 , and a periapsis of , 419113394 . 55312 kilometres .
the alco rs - 3 which was produced between may 1950 and august 1956 , was built by the montreal locomotive works . it has a diesel - electric transmission and a v12 engine .
august horch founded the audi company who make the audi a1 . the company own ducati and have a sub - division known as audi e - tron .
aleksandra kovac was born in belgrade in 1972 and is a solo singer of pop music .
the musical genre of allen forrest is hip hop music which has its origins in disco and its stylistic origins in funk . drum and bass is a derivative of hip hop music .
socialist party member agnes kant , who is a netherlands national , worked at the house of the representatives in the netherlands . the leader there is mark rutte .
carnival corporation & amp ; plc is the parent company of costa crociere , who own the aidastella . aidastella was built by meyer werft and is operated by aida cruise line , located in germany . .
the a - rosa was built by neptun werft in rostock , germany . joachim gauck is a leader of germany , with its capital at berlin .
31 december 2006 is the epoch date of 107 camilla which was discovered by c woods and has an orbital period of 2368 . 05 days . 107 camilla has an apoapsis of 560937000 . 0 kms and a periapsis of 479343000 . 0 kms .
alberto teisaire was born in mendoza , argentina on 20 may 1891 . he was a rear admiral and worked as the provisional president of the argentine senate before being succeeded by isaac rojas .
alfred garth jones was born in manchester and died in sidcup , london ( led by the european parliament ) . manchester is led the labour party .
raúl fernando sendic rodríguez is the leader of spanish speaking , uruguay . daniel martinez is the leader of montevideo , the final resting place of alfredo zitarrosa .
atlantic city international airport ' s runway name is " 13 / 31 " .

the leader of united kingdom is elizabeth ii .
the secret scripture was published by faber and faber .
the leader of italy is sergio mattarella .
elliot see died on february 28 , 1966 .
antioch , california has the area code 925 .

malay is an ethnic group in malaysia .
atlantic city lies in atlantic county , which is part of new jersey in the united states .
meringue is an ingredient of a baked alaska which is a dish found in the u . s .
agra airport is located in uttar pradesh , awadh .


april o ' neil was created by the american peter laird .


washington d . c . is the capital of the united states , where many asian americans live . a wizard of mars was written in the united states .
massimo drago plays for s . s . chieti calcio and manages a . c . cesena , he once also was a player for us castrovillari calcio .
amdavad ni gufa is located in ahmedabad , gujarat . the leader of gujarat is anandiben patel .
attica , is part of fountain county , indiana , in the united states , the capital of which is , washington , d . c .

sponge cake is an ingredient of baked alaska , which it is claimed originated in new york and france .
batchoy comes from the philippines where the igorot people are an ethnic group and one of the languages is arabic .

ahmet davutoglu is the leader of turkey where the capital is ankara . the ataturk monument ( izmir ) which is made of bronze is located within the country .
albuquerque , new mexico is in the united states , where asian americans are an ethnic group . albuquerque , new mexico is led by the new mexico senate , where john sánchez is one of the leaders .


a wizard of mars is published in the united states where barack obama is president and is written in english which is also a language spoken in great britain .
pietro grasso and sergio mattarella are both leaders in italy , the capital city of which is rome . arrabbiata sauce comes from italy .

1634 : the ram rebellion ( preceded by 1634 : the galileo affair ) , was written in the us , where barack obama is the leader , washington dc is the capital and there is an ethnic group called asian americans .
auburn is part of lee county , alabama , united states . the capital of the united states is washington dc . and native americans live there .


al asad air base is operated by the united states air force who were involved in the 1986 bombing of libya . they deploy the lockheed ac - 130 on their aircraft carriers , use the boeing c - 17 globemaster iii transport aircraft and the general dynamics f - 16 fighting falcon fighter aircraft .



adam holloway lives in gravesend .

the aidastella is operated by aida cruise line .



aaron deer ' s record label is called kill rock stars .
allen forrest is an exponent of pop music .

110 lydia ' s epoch is 31st december 2006 .
hugo sperrle was a commander in the battle of france in which airey neave was also involved .
peñarol , managed by jorge orosmán da silva , is a former club of the player abel hernandez .
alex tyus plays for maccabi tel aviv b . c . in the turkish basketball super league .
alex day plays synthpop , which is derived from new wave music .

the ship aidastella is operated by aida cruises which is located in germany .
atlas ii has a diameter of 3 . 04m and its final flight was on the 16th march 1998 .

albert jennings was born in the united states and fought in the american civil war , where abraham lincoln was a commander .
the 109 felicitas ( mass of 7 . 5 kilograms ) has an orbital period of 139705000 . 0 and has an epoch date of the 31st december 2006 .
aleksandra kovač is associated with the musical artists bebi dol and kornelije kovac . her musical genre is pop .
ska punk musician aaron bertram is in the band suburban legends . ska punk derives from ska .


aleksandr chumakov ' s club was fc torpedo moscow , the manager of which , is valery petrakov . fc torpedo moscow played in the 2014 - 15 russian premier league .
aleksandre guruli was born in batumi and is 178cm tall . he has played for fc zestafoni and fc karpaty lviv .
the epoch date of 1089 tama is 26 november 2005 and it has an apoapsis of 373513000 . 0 kilometres . it has an escape velocity of 0 . 0068 km per sec and an orbital period of 1202 . 846 days .
the alfa romeo 164 is similar to the saab 9000 and related to the fiat croma . the alfa romeo 164 ' s assembly line is in italy and it has a v6 engine .
americans live in the united states which has the capital city of washington dc and numbers african americans among its ethnic groups . the atlas ii originates from the country .
alison o ' donnell , who performs jazz music , was once signed to fruit de mer records and is now signed to london based deram records .
abdul taib mahmud , a member of the barisan ra ' ayat jati sarawak party , lives in sarawak . he was succeeded by adenan satem , who was born in the japanese occupation of british borneo .
albert jennings fountain was born in staten island , new york and died in new mexico territory , usa .
the antares rocket was made by the yuzhnoye design office and is 3 . 9 m in diameter . it launched at the mid - atlantic regional spaceport launch pad 0 making the first flight on 28 october 2014 and the final flight on 13 july 2014 .
aleksandr prudnikov belongs to fc terek grozny , which is managed by rashid rakhimov and has it grounds at grozny . he played for fc spartak moscow , which includes sergey rodionov .
american abraham a . ribicoff born in connecticut was a member of united states democratic party and worked as a governor of connecticut . he passed away in united staes .
black metal musician and united states born aaron turner started his career in 1995 . he is associated with the bands old man gloom and the lotus eaters .

if you want a pub rated 5 out of 5 pick blue spice . it is located near crowne plaza hotel .
blue spice is a family friendly restaurant serving chinese in riverside near the rainbow vegetarian café .

giraffe is a fast food pub located in the city centre near the rainbow vegetarian café . it is not family - friendly .
the giraffe is a restaurant located near to the rainbow vegetarian café . it does not allow children .


the strada is a pub located in the centre of the city .



the cricketers restaurant serves chinese food at a cheap price while providing excellence in customer service rating 5 out of 5 , located in the city centre this family friendly restaurant is located right near all bar one .

located in the city centre near all bar one , the cricketers is a chinese restaurant in the moderate price range . it has a customer rating of 3 out of 5 and it is not kids friendly .

there is an english restaurant in the city centre located near café rouge which has a high price range with a customer rating of 1 out of 5 and also not a children friendly named the cricketers
the cricketers is a restaurant , located across from express by holiday inn .

the mill is a high cost family friendly pub located near café sicilia .
for under £ 25 the mill offers a kid friendly pub serving fast food located in riverside near raja indian cuisine


near raja indian cuisine at riverside there is a pub called the mill which provides fast food . it has a price range of £ 20 - 25 and is kids friendly .



the mill is a restaurant with a moderate price range . they serve english food and is not kids friendly . it has a customer rating of 1 out of 5 . it ' s near café rouge , in riverside .




for cheap fast food , the phoenix pub is in the city centre near raja indian cuisine . it is not family friendly .

try the phoenix . this five out of five rated pub has french food for cheap in the city centre . it is located near crowne plaza hotel .
the phoenix is a french pub with is kids friendly , and is in moderate price range located near crowne plaza hotel in the city centre . however , it has a customer rating of only 1 out of 5 .







if you are looking for a family friendly restaurant with cheap pricing , you may wish to try the plough . it offers a restaurant and chinese food , and is near the raja indian cuisine in the riverside area .



the punter is children friendly restaurant that serves english food with a high price range near raja indian cuisine around city centre .
the punter restaurant serves cheap and average - rated indian dishes in a family - friendly environment . it is located in the center of town near express by holiday inn .
there is an indian restaurant in city centre named the punter . it is cheap with a low customer rating and near express by holiday inn . it is not family friendly .









the vaults is a pub rated 5 out of 5 for their cheap prices . it ' s located in riverside near raja indian cuisine . no kids and also sell japanese food
the vaults is a low rated pub near raja indian cuisine and the riverside that is family friendly and is less than £ 20 for japanese food .


located in the city centre , the vaults is a moderately priced french style restaurant . it ' s great for the kids , and located near the raja indian cuisine .

the waterman is an expensive indian pub located riverside near raja indian cuisine . it is not family - friendly .
there is a high price pub , the waterman , located in the riverside near raja indian cuisine that serves italian but is not children friendly .

the waterman is a high priced adult restaurant that serves italian food . it is located near raja indian cuisine in the city centre .





the wrestlers is a moderately priced restaurant in the city centre near raja indian cuisine . it serves japanese food and it is not kids friendly .

wildwood is based in the riverside area near raja indian cuisine . it is a pub serving italian food . it is not family friendly .

